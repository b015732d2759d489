"""The next hop of a configuration that names none: it refuses every message."""

from __future__ import annotations

from typing import NoReturn

from gsubmit.dial.answer import RelayFailed
from gsubmit.dial.xclient import ClientFacts
from gsubmit.smtp.capabilities import NOTHING, Capabilities
from gsubmit.smtp.envelope import Sender
from gsubmit.smtp.replies import RELAY_UNSET


class NoRelay:
    """Stands where a Relay would; `submission_relay_host` is empty."""

    def start(self) -> None:
        """There is nobody to ask."""

    def close(self) -> None:
        """There is nobody to leave."""

    def begin(self, sender: Sender, client: ClientFacts, label: str) -> NoReturn:
        """Refuse MAIL."""
        raise _refusal(label)

    def leave(self, client: ClientFacts) -> None:
        """There is nothing to leave."""

    def capabilities(self) -> Capabilities:
        """None."""
        return NOTHING

    def verify(self, argument: str, client: ClientFacts, label: str) -> NoReturn:
        """Refuse VRFY; it is not announced."""
        raise _refusal(label)


def _refusal(label: str) -> RelayFailed:
    failure = RelayFailed(RELAY_UNSET, "submission_relay_host is not set")
    failure.log(label)
    return failure
