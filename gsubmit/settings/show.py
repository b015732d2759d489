"""What differs from the defaults, written as in a configuration file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from gsubmit.settings.blocks import SUBMISSION, InetListener, MetricsListener, PassdbSettings, ServiceSettings
from gsubmit.settings.burl import ImapServerSettings
from gsubmit.settings.declare import HIDDEN, declarations, values
from gsubmit.settings.lines import quote
from gsubmit.settings.sections import Settings
from gsubmit.settings.services import METRICS, NAME

_SECRET = re.compile(
    r"((?<![^ ])(?!nopassword=)[^ =]*"
    r"(?:pass|pwd|pw(?=[:=])|pin(?=[:=])|secret|token|credential|bearer|cookie|otp|salt|hash|key)[^ =]*=)[^ ]+",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(://[^/ @:]*:)[^/ ]*@")


def changed(settings: Settings) -> list[tuple[str, str]]:
    """The settings outside blocks that differ from their defaults, by name and value; secrets are `<hidden>`."""
    return list(_changed(settings, Settings()))


def _changed(section: object, defaults: object) -> Iterator[tuple[str, str]]:
    declared, usual = declarations(type(section)), values(defaults)
    return ((name, declared[name].text(value)) for name, value in values(section).items() if value != usual[name])


def blocks(settings: Settings) -> list[str]:
    """The lines of all blocks that differ from the defaults; secrets are `<hidden>`."""
    lines = list(_service(settings))
    if not settings.services.has_penalty:
        lines += _block("service anvil", _block("unix_listener anvil-auth-penalty", ["mode = 0"]))
    for passdb in settings.passdbs:
        shown = replace(
            passdb,
            args=without_password(passdb.args),
            default_fields=without_password(passdb.default_fields),
            override_fields=without_password(passdb.override_fields),
        )
        lines += _block("passdb", _different(shown, PassdbSettings()))
    for server in settings.burl.servers:
        if server.name:
            lines += _block(f"imap_urlauth_server {quote(server.name)}", _different(server, ImapServerSettings()))
    for local in settings.local_names:
        lines += _block(f'local_name "{" ".join(local.names)}"', _different(local, settings.ssl))
    for address in settings.local_addresses:
        lines += _block(f"local {address.network}", _different(address, settings.ssl))
    return lines


def without_password(args: str) -> str:
    """The `args` or extra fields of a passdb without what is secret by its name, or stands in a URL as a password.

    Fields may have any name, for whoever reads them; a value ends with a blank.
    """
    return _URL_PASSWORD.sub(rf"\1{HIDDEN}@", _SECRET.sub(rf"\1{HIDDEN}", args))


def _service(settings: Settings) -> Iterator[str]:
    services = settings.services
    inner = _different(services, ServiceSettings())
    if services.inet_listeners != ServiceSettings.default_listeners(tls=settings.ssl.ssl != "no"):
        if SUBMISSION.name not in (listener.name for listener in services.inet_listeners):
            inner += _block(f"inet_listener {SUBMISSION.name}", ["port = 0"])
        for listener in services.inet_listeners:
            inner += _block(f"inet_listener {listener.name}", _different(listener, InetListener("")))
    if inner:
        yield from _block(f"service {NAME}", inner)
    for metrics in services.metrics:
        lines = _different(metrics, MetricsListener(""))
        yield from _block(f"service {METRICS}", _block(f"inet_listener {metrics.name}", lines))


def _different(section: object, defaults: object) -> list[str]:
    """The lines of those settings of a section that differ from its defaults, or from another section's values."""
    return [f"{name} = {text}" for name, text in _changed(section, defaults)]


def _block(head: str, inner: list[str]) -> list[str]:
    return [f"{head} {{", *(f"  {line}" for line in inner), "}"]
