"""What a configuration amounts to, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator

from gsubmit.auth.drivers import DRIVERS
from gsubmit.settings.burl import ImapServerSettings
from gsubmit.settings.sections import Settings
from gsubmit.settings.show import blocks, changed, without_password
from gsubmit.settings.tls import Certificate


def difference(settings: Settings) -> Iterator[str]:
    """The lines of `-n`: a configuration that gives the same settings, but for the secrets."""
    for name, value in changed(settings):
        yield f"{name} = {value}".rstrip()
    yield from blocks(settings)


def summary(settings: Settings) -> dict[str, list[str]]:
    """Lines by what they are about."""
    return {
        "hostname": [settings.server.hostname],
        "listeners": list(_listeners(settings)),
        "relay": [_relay(settings)],
        **({"plugins": [" ".join(plugins)]} if (plugins := settings.submission.plugins.submission_plugins) else {}),
        "BURL": list(map(_imap_server, settings.burl.servers)),
        "passdbs": _passdbs(settings) or ["none"],
        "TLS": list(_tls(settings)),
    } | _features(settings)


def _features(settings: Settings) -> dict[str, list[str]]:
    """What most configurations do not have."""
    found = {"state": [str(settings.auth.submission_state)]} if settings.auth.submission_state else {}
    if (server := settings.sent.server) is not None:
        login = f"{server.master_user} logs in for users" if server.has_master else "users' own passwords and tokens"
        tls = _tls_there(server.ssl, server.ssl_verify)
        found["Sent"] = [f"{server.host} port {server.port}, {tls}, {login}"]
    return found


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
