"""`gsubmit check-config --dial`: connect to the relay as the server would, and say what was found."""

from __future__ import annotations

from collections.abc import Iterator

from gsubmit.app import build_relay
from gsubmit.relay.pool import Relay
from gsubmit.settings.sections import Settings


def dial(settings: Settings) -> Iterator[str]:
    """The lines about the relay. Raises RelayFailed, or CannotStart for unusable CA files."""
    relay = build_relay(settings)
    if not isinstance(relay, Relay):
        yield "no relay to connect to"
        return
    connection = relay.dial()
    yield f"{relay.hop} greets: {connection.greeting}"
    if connection.tls_version:
        verified = "verified" if settings.relay.submission_relay_ssl_verify else "not verified"
        yield f"{connection.tls_version}, certificate {verified}"
    if relay.hop.user:
        yield f"logged in as {relay.hop.user}"
    for keyword, parameters in sorted(connection.capabilities.keywords.items()):
        yield f"{keyword} {parameters}".rstrip()
    connection.say_goodbye()
