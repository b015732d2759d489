"""What is read of a part of the message."""

from __future__ import annotations

from gsubmit.sieve.machine import Machine
from gsubmit.sieve.mail import Part
from gsubmit.sieve.markup import text_of

_STRIDE = 2048  # octets or characters that are read by one unit of work


def was_read(machine: Machine, size: int) -> None:
    """So much of the message was. Raises Mistake."""
    machine.work(1 + size // _STRIDE)


def part_text(machine: Machine, part: Part, *, without_tags: bool) -> str:
    """The text of a text part; of HTML, `without_tags`, what somebody reads. Raises Mistake."""
    text = part.text(machine.limits.part_size)
    was_read(machine, len(text))
    return text_of(text, machine.work) if without_tags and part.type == "text/html" else text
