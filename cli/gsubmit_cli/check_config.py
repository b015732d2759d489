"""`gsubmit check-config`: says whether a configuration can be used, what it amounts to, and what has no effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from gsubmit.app.backends import named_targets, warnings
from gsubmit.app.build import CannotStart, build_proxy, build_service
from gsubmit.app.process import start_faults
from gsubmit.auth.drivers import DRIVERS
from gsubmit.dial.answer import RelayFailed
from gsubmit.settings.burl import ImapServerSettings
from gsubmit.settings.load import Loaded
from gsubmit.settings.problem import SettingsError
from gsubmit.settings.sections import Settings
from gsubmit.settings.show import blocks, changed, without_password
from gsubmit.settings.tls import Certificate
from gsubmit_cli.config import config_option, loaded_from
from gsubmit_cli.dial import addresses, dial, dial_backend
from gsubmit_cli.dial_imap import ImapDial, Unusable


@click.command("check-config")
@config_option
@click.option("-n", "only_changed", is_flag=True, help="Print the settings that differ from their defaults.")
@click.option("--dial", "and_dial", is_flag=True, help="Also connect to relay, IMAP servers and named backends.")
@click.option("--imap-user", metavar="NAME", default="", help="With --dial: the IMAP master user logs in for this one.")
@click.pass_context
def check_config(context: click.Context, path: Path, only_changed: bool, and_dial: bool, imap_user: str) -> None:
    """Check a configuration and show what it amounts to, or every error in it.

    Exit code 0 when the server could start with it and, with --dial, relay, IMAP servers and backends could be used;
    else 1.
    """
    if imap_user and not and_dial:
        raise click.UsageError("--imap-user has no meaning without --dial")
    try:
        loaded = loaded_from(path)
        build_service(loaded.settings)
        lines = difference(loaded.settings) if only_changed else overview(path, loaded)
        for line in lines:
            click.echo(line)
    except (SettingsError, CannotStart) as error:
        click.echo(str(error), err=True)
        context.exit(1)
    if and_dial and not _dial(loaded.settings, imap_user):
        context.exit(1)


def _dial(settings: Settings, imap_user: str) -> bool:
    """Tell what relay, IMAP servers and backends can do, also when another one fails; whether all can be used."""
    proxy = build_proxy(settings)
    parts = [("dial", dial(settings))]
    parts += [
        ("backend", dial_backend(proxy, target, found))
        for _, target in named_targets(settings)
        for found in addresses(proxy, target)
    ]
    parts += [("imap", ImapDial(settings, server).lines(imap_user)) for server in settings.imap_servers]
    failed = False
    for title, lines in parts:
        try:
            for line in _under(title, lines):
                click.echo(line)
        except (CannotStart, RelayFailed, Unusable) as error:
            click.echo(str(error), err=True)
            failed = True
    return not failed


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
    yield from _under("BURL", map(_imap_server, settings.imap_servers))
    yield from _under("passdbs", _passdbs(settings) or ["none"])
    yield from _under("TLS", _tls(settings))
    for notice in loaded.notices:
        yield f"{notice.kind}: {notice}"
    for fault in (*start_faults(settings), *warnings(settings)):
        yield f"warning: {fault}"


def _under(title: str, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"  {title if number == 0 else '':10} {line}"


def _listeners(settings: Settings) -> Iterator[str]:
    for listener in settings.services.inet_listeners:
        addresses = ", ".join(listener.addresses(settings.server.listen))
        tls = ", TLS from the first octet" if listener.ssl else ""
        yield f"{listener.name}: port {listener.port} on {addresses}{tls}"


def _passdbs(settings: Settings) -> list[str]:
    return [
        f"{passdb.driver} {without_password(passdb.args) if passdb.driver in DRIVERS else '(never consulted)'}"
        for passdb in settings.passdbs
    ]


def _imap_server(server: ImapServerSettings) -> str:
    parts = [f"{server.host} port {server.port}", _tls_there(server.ssl, server.ssl_verify)]
    if server.has_submit:
        parts.append(f"URLFETCH as {server.submit_user}")
    if server.has_master:
        parts.append(f"{server.master_user} logs in for users")
    if server.forwards:
        parts.append("users' own passwords")
    return ", ".join(parts)


def _tls_there(ssl: str, verify: bool) -> str:
    """How we begin TLS with another server."""
    return "no TLS" if ssl == "no" else f"{ssl}, certificate {'verified' if verify else 'not verified'}"


def _relay(settings: Settings) -> str:
    relay = settings.relay
    if not relay.host:
        return "none"
    parts = [f"{relay.host} port {relay.port}", _tls_there(relay.ssl, relay.ssl_verify)]
    if relay.login.user:
        parts.append(f"logs in as {relay.login.user}")
    return ", ".join(parts)


def _tls(settings: Settings) -> Iterator[str]:
    if settings.ssl.ssl == "no":
        yield "no"
        return
    yield f"{settings.ssl.ssl}, {settings.ssl.ssl_min_protocol} or later, {_certificate(settings.ssl)}"
    for named in settings.local_names:
        yield f"for {' '.join(named.names)}: {_certificate(named)}"
    for local in settings.local_addresses:
        yield f"on {local.network}: {_certificate(local)}"


def _certificate(section: Certificate) -> str:
    return f"certificate {section.ssl_cert.path or 'in the configuration'}"
