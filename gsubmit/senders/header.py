"""Whom a header says that the message is from: the fields that sender rules look at (RFC 5322 3.6.2, 3.6.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gsubmit.fairness import let_others_run
from gsubmit.message.fields import Field
from gsubmit.message.mailboxes import Mailbox, Unparsable, mailboxes

_TRACE = frozenset({b"received", b"return-path"})
_RESENT = b"resent-"
_FROM, _SENDER = b"from", b"sender"


class BadAuthor(ValueError):
    """It does not say who; the text is for log and client."""


class Author(NamedTuple):
    """Where From or Resent-From stands in a header, what that field is called, and whom it and the Sender name."""

    at: int
    name: str
    mailboxes: list[Mailbox]
    sender: Mailbox | None  # where there is exactly one

    @property
    def sender_name(self) -> str:
        """What the field for the sender is called beside this one."""
        return self.name.replace("From", "Sender")


def author(fields: Sequence[Field]) -> Author:
    """Who sends a message, or sends it again: then the first block of Resent fields counts. Raises BadAuthor."""
    for field in fields:
        let_others_run()
        if _breaks(field):
            raise BadAuthor("a field with bare line ends or NUL")
    block = _resent_block(fields)
    if _RESENT + _FROM in block:
        at, sender, name = block[_RESENT + _FROM], block.get(_RESENT + _SENDER), "Resent-From"
    else:
        found = [number for number, field in enumerate(fields) if field.name == _FROM]
        if len(found) != 1:
            raise BadAuthor("more than one From field" if found else "no From field")
        senders = [number for number, field in enumerate(fields) if field.name == _SENDER]
        at, sender, name = found[0], senders[0] if len(senders) == 1 else None, "From"
    try:
        listed = mailboxes(fields[at])
    except Unparsable as error:
        raise BadAuthor(f"a {name} field that cannot be read: {error}") from None
    return Author(at, name, listed, _only(fields[sender]) if sender is not None else None)


def _breaks(field: Field) -> bool:
    octets = field.octets.replace(b"\r\n", b"")
    return b"\r" in octets or b"\n" in octets or b"\0" in octets


def _resent_block(fields: Sequence[Field]) -> dict[bytes, int]:
    """Names and places of the block that a message begins with, trace fields aside.

    Where a name comes again, an older block begins.
    """
    block: dict[bytes, int] = {}
    for at, field in enumerate(fields):
        if field.name in _TRACE:
            continue
        if not field.name.startswith(_RESENT) or field.name in block:
            break
        block[field.name] = at
    return block


def _only(field: Field) -> Mailbox | None:
    try:
        listed = mailboxes(field)
    except Unparsable:
        return None
    return listed[0] if len(listed) == 1 else None
