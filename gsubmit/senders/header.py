"""Whom a header says that the message is from: the fields that sender rules look at (RFC 5322 3.6.2, 3.6.6)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from gsubmit.fairness import let_others_run
from gsubmit.message.fields import Field
from gsubmit.message.mailboxes import Mailbox, Unparsable, mailboxes

_TRACE = frozenset({b"received", b"return-path"})
_RESENT = b"resent-"
_FROM, _SENDER, _RESENT_FROM, _RESENT_SENDER = b"from", b"sender", b"resent-from", b"resent-sender"
_ODD = re.compile(rb"[^a-z]+")


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
    if not fields:
        raise BadAuthor("no From field")
    names, written = zip(*fields, strict=True)
    octets = b"".join(written).replace(b"\r\n", b"")
    if b"\r" in octets or b"\n" in octets or b"\0" in octets:
        raise BadAuthor("a field with bare line ends or NUL")
    if b"" in names and any(_looks_like_from(field) for field in fields if not field.name):
        raise BadAuthor("a line that some take for From")
    if _RESENT_FROM in names and _RESENT_FROM in (block := _resent_block(fields)):
        at, sender, name = block[_RESENT_FROM], block.get(_RESENT_SENDER), "Resent-From"
    else:
        if (number := names.count(_FROM)) != 1:
            raise BadAuthor("more than one From field" if number else "no From field")
        at, name = names.index(_FROM), "From"
        sender = names.index(_SENDER) if names.count(_SENDER) == 1 else None
    try:
        listed = mailboxes(fields[at])
    except Unparsable as error:
        raise BadAuthor(f"a {name} field that cannot be read: {error}") from None
    return Author(at, name, listed, _only(fields[sender]) if sender is not None else None)


def _looks_like_from(field: Field) -> bool:
    """Whether a line that is no field becomes From when odd octets around its name are left out."""
    let_others_run()
    return _ODD.sub(b"", field.octets.partition(b":")[0].lower()) == _FROM


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
