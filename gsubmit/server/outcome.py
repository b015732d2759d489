"""What became of a message or recipient, as the figures call it."""

from __future__ import annotations

from gsubmit.dial.answer import RelayFailed
from gsubmit.metrics.figures import MESSAGES
from gsubmit.smtp.reply import Refused, Reply

DISCARDED = Reply(250, "2.0.0", "Discarded by a filter")
UNFINISHED = MESSAGES.at("unfinished")


class Discarded(Exception):
    """The message goes nowhere, and its client hears that all is well: DISCARDED."""


def refusal(refused: Refused) -> str:
    """Its class: ours, or the relay's, to which it belongs that it cannot be reached."""
    return by_relay(refused.reply) if isinstance(refused, RelayFailed) else f"refused_{refused.reply.code // 100}xx"


def by_relay(reply: Reply) -> str:
    """The class of a reply by which the relay refuses."""
    return f"relay_{reply.code // 100}xx"
