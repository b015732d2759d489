"""`gsubmit check-config --dial`: connect to the relay as the server would, and say what was found."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from gsubmit.app.build import next_hop
from gsubmit.dial.answer import RelayFailed
from gsubmit.dial.connection import RelayConnection
from gsubmit.dial.nexthop import NextHop
from gsubmit.dial.opening import open_connection
from gsubmit.dial.xclient import UNAVAILABLE, ClientFacts
from gsubmit.net.addresses import Addresses
from gsubmit.proxy.backends import Found
from gsubmit.proxy.loginproxy import LoginProxy
from gsubmit.proxy.target import Target
from gsubmit.settings.sections import Settings
from gsubmit.smtp.capabilities import Capabilities
from gsubmit.smtp.replies import RELAY_REFUSES_US, RELAY_SLOW

_NAME_MISMATCH = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
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


class Unusable(Exception):
    """A server cannot be used as configured; the text says which, why, and what may be done."""


def dial(settings: Settings) -> Iterator[str]:
    """The lines about the relay. Raises Unusable, or CannotStart for unusable CA files."""
    hop = next_hop(settings)
    if hop is None:
        yield "no relay to connect to"
        return
    try:
        yield from _relay(hop)
    except RelayFailed as failed:
        raise Unusable(f"{failed}{_advice(failed, hop)}") from failed


def _relay(hop: NextHop) -> Iterator[str]:
    connection = open_connection(hop, Addresses(hop.host), client_here(hop.hostname))
    try:
        yield from _seen(connection)
        yield from _supplied(connection.capabilities)
        if hop.trusted and connection.client is None:
            yield "warning: submission_relay_trusted = yes, but the relay does not offer XCLIENT to us"
        yield _mail_taken(connection)
    finally:
        connection.say_goodbye()


def _mail_taken(connection: RelayConnection) -> str:
    """Which sender the relay takes. Raises RelayFailed with its words if it takes neither of two."""
    connection.timeout_now = connection.hop.connect_timeout
    refusals = []
    for sender in ("", f"postmaster@{connection.hop.hostname}"):
        reply = connection.ask(f"MAIL FROM:<{sender}>")
        if reply.code == 250:
            connection.ask("RSET")
            return f"takes MAIL FROM:<{sender}>; whether it takes recipients shows gsubmit send-test"
        refusals.append(f"MAIL FROM:<{sender}> was answered with: {reply}")
    raise RelayFailed(RELAY_REFUSES_US, f"{connection} takes no mail from us: {'; '.join(refusals)}")


def _advice(failed: RelayFailed, hop: NextHop) -> str:
    """Which setting may have to change."""
    error = failed.__cause__
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _NAME_MISMATCH:
            return "; submission_relay_host is to be a name in its certificate"
        return "; the CA of its certificate is to be named (ssl_client_ca_file)"
    if isinstance(error, ssl.SSLError) and error.reason in _NO_TLS and hop.tls == "smtps":
        return "; it does not begin with TLS: is submission_relay_ssl = starttls or no meant?"
    if failed.reply == RELAY_SLOW and hop.tls != "smtps":
        return "; it may wait for TLS: is submission_relay_ssl = smtps meant?"
    return ""


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
