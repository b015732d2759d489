"""`gsubmit check-config`: says whether a configuration can be used, what it amounts to, and what has no effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from gsubmit.app import CannotStart, build_service, unreadable_files
from gsubmit.relay.answer import RelayFailed
from gsubmit.settings.load import Loaded, load
from gsubmit.settings.problem import SettingsError
from gsubmit.settings.sections import Settings
from gsubmit.settings.show import blocks, changed, without_password
from gsubmit_cli.dial import dial

DEFAULT_PATH = Path("/etc/gsubmit/conf.d")


@click.command("check-config")
@click.option(
    "-c", "--config", "path", type=click.Path(path_type=Path), default=DEFAULT_PATH, show_default=True,
    help="A configuration file, or a folder whose *.conf are read in name order.",
)  # fmt: skip
@click.option("-n", "only_changed", is_flag=True, help="Print the settings that differ from their defaults.")
@click.option("--dial", "and_dial", is_flag=True, help="Also connect to the relay and show what it can do.")
@click.pass_context
def check_config(context: click.Context, path: Path, only_changed: bool, and_dial: bool) -> None:
    """Check a configuration and show what it amounts to, or every error in it.

    Exit code 0 when the server could start with it and, with --dial, the relay could be used; else 1.
    """
    try:
        loaded = load(path)
        build_service(loaded.settings)
        lines = difference(loaded.settings) if only_changed else overview(path, loaded)
        for line in lines:
            click.echo(line)
        if and_dial:
            for line in _under("dial", dial(loaded.settings)):
                click.echo(line)
    except (SettingsError, CannotStart, RelayFailed) as error:
        click.echo(str(error), err=True)
        context.exit(1)


def difference(settings: Settings) -> Iterator[str]:
    """The lines of `-n`: a configuration that gives the same settings, but for the secrets."""
    for name, value in changed(settings):
        yield f"{name} = {value}".rstrip()
    yield from blocks(settings)


def overview(path: Path, loaded: Loaded) -> Iterator[str]:
    """The lines without `-n`: a summary, then the notices."""
    settings = loaded.settings
    yield f"{path}: no errors"
    yield from _under("listeners", _listeners(settings))
    yield from _under("relay", [_relay(settings)])
    yield from _under("passdbs", _passdbs(settings) or ["none"])
    yield from _under("TLS", _tls(settings))
    for notice in loaded.notices:
        yield f"{notice.kind}: {notice}"
    for problem in unreadable_files(settings):
        yield f"warning: {problem}"


def _under(title: str, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"  {title if number == 0 else '':10} {line}"


def _listeners(settings: Settings) -> list[str]:
    lines = []
    for listener in settings.services.inet_listeners:
        addresses = ", ".join(listener.addresses(settings.server.listen))
        tls = ", TLS from the first octet" if listener.ssl else ""
        lines.append(f"{listener.name}: port {listener.port} on {addresses}{tls}")
    return lines


def _passdbs(settings: Settings) -> list[str]:
    return [f"{passdb.driver} {without_password(passdb.args)}" for passdb in settings.passdbs]


def _relay(settings: Settings) -> str:
    relay = settings.relay
    if not relay.submission_relay_host:
        return "none"
    parts = [f"{relay.submission_relay_host} port {relay.submission_relay_port}"]
    if relay.submission_relay_ssl == "no":
        parts.append("no TLS")
    else:
        verified = "verified" if relay.submission_relay_ssl_verify else "not verified"
        parts.append(f"{relay.submission_relay_ssl}, certificate {verified}")
    if relay.submission_relay_user:
        parts.append(f"logs in as {relay.submission_relay_user}")
    return ", ".join(parts)


def _tls(settings: Settings) -> list[str]:
    if settings.ssl.ssl == "no":
        return ["no"]
    source = settings.ssl.ssl_cert.path or "in the configuration"
    lines = [f"{settings.ssl.ssl}, {settings.ssl.ssl_min_protocol} or later, certificate {source}"]
    lines += [
        f"for {' '.join(local.names)}: certificate {local.ssl_cert.path or 'in the configuration'}"
        for local in settings.local_names
    ]
    lines += [
        f"on {local.network}: certificate {local.ssl_cert.path or 'in the configuration'}"
        for local in settings.local_addresses
    ]
    return lines
