"""`gsubmit check-config --dial`: connect to the relay as the server would, and say what was found."""

from __future__ import annotations

from collections.abc import Iterator

from gsubmit.app import build_relay
from gsubmit.relay.pool import Relay
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
}


def dial(settings: Settings) -> Iterator[str]:
    """The lines about the relay. Raises RelayFailed, or CannotStart for unusable CA files."""
    relay = build_relay(settings)
    if not isinstance(relay, Relay):
        yield "no relay to connect to"
        return
    connection = relay.dial(None)
    yield f"{connection} greets: {connection.greeting}"
    if connection.tls_version:
        verified = "verified" if settings.relay.submission_relay_ssl_verify else "not verified"
        yield f"{connection.tls_version}, certificate {verified}"
    if relay.hop.user:
        yield f"logged in as {relay.hop.user}"
    for keyword, parameters in sorted(connection.capabilities.keywords.items()):
        yield f"{keyword} {parameters}".rstrip()
    yield from _supplied(connection.capabilities)
    if relay.hop.trusted and "XCLIENT" not in connection.capabilities:
        yield "warning: submission_relay_trusted = yes, but the relay does not offer XCLIENT to us"
    connection.say_goodbye()


def _supplied(relay: Capabilities) -> Iterator[str]:
    """What clients get although the relay lacks it."""
    for keyword, how in _SUPPLIES.items():
        if keyword not in relay:
            yield f"no {keyword}: {how}"
    for keyword in ("SMTPUTF8", "VRFY"):
        if keyword not in relay:
            yield f"no {keyword}: not announced to clients"
