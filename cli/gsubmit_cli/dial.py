"""`gsubmit check-config --dial`: connect to the relay as the server would, and say what was found."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from gsubmit.app.build import next_hop
from gsubmit.dial.answer import RelayFailed
from gsubmit.dial.connection import RelayConnection
from gsubmit.dial.opening import open_connection
from gsubmit.dial.xclient import UNAVAILABLE, ClientFacts
from gsubmit.net.addresses import Addresses
from gsubmit.proxy.backends import Found
from gsubmit.proxy.loginproxy import LoginProxy
from gsubmit.proxy.target import Target
from gsubmit.settings.sections import Settings
from gsubmit.smtp.capabilities import Capabilities

_SUPPLIES = {
    "8BITMIME": "8-bit messages are converted to 7-bit",
    "BINARYMIME": "binary messages are converted",
    "CHUNKING": "chunks are joined and sent with DATA",
    "DSN": "NOTIFY=SUCCESS is answered by gsubmit with a report of relaying",
    "ENHANCEDSTATUSCODES": "enhanced status codes are made from the reply codes",
    "PIPELINING": "commands are passed on one at a time",
    "SIZE": "only submission_max_mail_size limits messages",
    "SMTPUTF8": "not announced to clients",
    "VRFY": "not announced to clients",
}


def dial(settings: Settings) -> Iterator[str]:
    """The lines about the relay. Raises RelayFailed, or CannotStart for unusable CA files."""
    hop = next_hop(settings)
    if hop is None:
        yield "no relay to connect to"
        return
    connection = open_connection(hop, Addresses(hop.host), client_here(hop.hostname))
    yield from _seen(connection)
    yield from _supplied(connection.capabilities)
    if hop.trusted and connection.client is None:
        yield "warning: submission_relay_trusted = yes, but the relay does not offer XCLIENT to us"
    connection.say_goodbye()


def _seen(connection: RelayConnection) -> Iterator[str]:
    yield f"{connection} greets: {connection.greeting}"
    if isinstance(connection.sock, ssl.SSLSocket):
        yield from tls_facts(connection.sock)
    if connection.hop.login.user:
        yield f"logged in as {connection.hop.login.user}"
    for keyword, parameters in sorted(connection.capabilities.keywords.items()):
        yield f"{keyword} {parameters}".rstrip()


def addresses(proxy: LoginProxy, target: Target) -> list[Found]:
    """The addresses of a backend, or its names where they have none: that is said when they are dialled."""
    try:
        return proxy.addresses(target, proxy.settings.login_proxy_timeout)
    except RelayFailed:
        return [Found(host, host) for host in target.place.hosts]


def dial_backend(proxy: LoginProxy, target: Target, found: Found) -> Iterator[str]:
    """The lines about one address of a backend. Raises RelayFailed."""
    connection = proxy.open(target, found, client_here(proxy.hostname), proxy.settings.login_proxy_timeout)
    yield from _seen(connection)
    if target.has_login and not connection.capabilities.mechanisms:
        yield "warning: it offers no AUTH: nobody can log in there"
    if target.place.trusts_us and connection.client is None:
        yield "no XCLIENT to us: it sees this server in place of its clients"
    connection.say_goodbye()


def client_here(hostname: str, login: str = "") -> ClientFacts:
    """A client on this machine, to tell a relay about that trusts us; `login` is its user, if it logged in."""
    return ClientFacts(addr="127.0.0.1", helo=hostname, login=login, name=UNAVAILABLE, destname=hostname)


def tls_facts(sock: ssl.SSLSocket) -> Iterator[str]:
    """Version, cipher and, when it was verified, the certificate."""
    cipher = sock.cipher()
    yield f"{sock.version()}, {cipher[0] if cipher else 'no cipher'}"
    certificate: Mapping[str, Any] | None = sock.getpeercert()
    if not certificate:
        yield "certificate not verified"
        return
    yield f"certificate verified, for {', '.join(str(name) for _, name in certificate.get('subjectAltName', ()))}"
    yield f"issued by {_common_name(certificate)}, valid until {certificate.get('notAfter')}"


def _common_name(certificate: Mapping[str, Any]) -> str:
    issuer = {key: value for part in certificate.get("issuer", ()) for key, value in part}
    return str(issuer.get("commonName") or issuer.get("organizationName") or "an unnamed authority")


def _supplied(relay: Capabilities) -> Iterator[str]:
    """What clients get although the relay lacks it."""
    for keyword, how in _SUPPLIES.items():
        if keyword not in relay:
            yield f"no {keyword}: {how}"
