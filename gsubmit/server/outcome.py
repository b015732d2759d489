"""What became of a message or recipient, as the figures call it."""

from __future__ import annotations

from gsubmit.dial.answer import RelayFailed
from gsubmit.metrics.figures import MESSAGES
from gsubmit.smtp.reply import Refused, Reply

UNFINISHED = MESSAGES.at("unfinished")


def refusal(refused: Refused) -> str:
    """Its class: ours, or the relay's, to which it belongs that it cannot be reached."""
    return by_relay(refused.reply) if isinstance(refused, RelayFailed) else f"refused_{refused.reply.code // 100}xx"


def by_relay(reply: Reply) -> str:
    """The class of a reply by which the relay refuses."""
    return f"relay_{reply.code // 100}xx"
