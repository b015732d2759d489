"""What a submission server may add to a header or take out of it (RFC 6409 8), each only where it is asked for."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import NamedTuple

from gsubmit.message.draft import Draft
from gsubmit.message.fields import Field
from gsubmit.message.header import date_now
from gsubmit.message.mailboxes import Unparsable, mailboxes
from gsubmit.message.signatures import SIGNATURES, covered_names
from gsubmit.smtp.replies import NO_FROM, SEVERAL_FROM, SINGLE_LABEL_RECIPIENT, SINGLE_LABEL_SENDER
from gsubmit.smtp.reply import Refused

# As readers take it, which is wider than RFC 5322 3.6.4: what is valid for anybody is never changed (HDR-3).
_MESSAGE_ID = re.compile(rb"[ \t]*<[^<>@\s]+@[^<>\s]+>[ \t]*(?:\([^()]*\)[ \t]*)?")
_PIECES = re.compile(rb"\\.|[()]|[^()\\]+", re.DOTALL)  # of what may have comments
_LEAP_SECOND = re.compile(rb"(:\d\d):60\b")
_MAX_DATE = 1000  # octets that a program may have made
_FROM_DOMAIN = re.compile(rb"@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)>?[ \t]*$")
_AUTHORS = frozenset({b"from", b"sender", b"reply-to", b"resent-from", b"resent-sender"})
_READERS = frozenset({b"to", b"cc", b"bcc", b"resent-to", b"resent-cc", b"resent-bcc"})
_AGAIN = b"resent-"
# RFC 5322 3.6.6, 4.5.6
_RESENT = frozenset(
    _AGAIN + name for name in (b"date", b"from", b"sender", b"to", b"cc", b"bcc", b"message-id", b"reply-to")
)


class _Wanted(NamedTuple):
    """A field that each message is to have: how its value is made, and what it has to be like, if that is looked at."""

    written: bytes
    name: bytes  # in lower case
    make: Callable[[Sequence[Field]], str]
    is_valid: Callable[[bytes], bool] | None

    def again(self) -> _Wanted:
        """The field in its place when a message is sent again."""
        return self._replace(written=b"Resent-" + self.written, name=_AGAIN + self.name)

    def field(self, others: Sequence[Field]) -> Field:
        """For a header with those others."""
        return Field(self.name, b"%b: %b\r\n" % (self.written, self.make(others).encode("ascii", "replace")))


@dataclass(frozen=True)
class FixUps:
    """`dropped` are names in lower case; `add_...` and `repair_...` are for what is missing and what is invalid."""

    hostname: str
    add_date: bool = False
    repair_date: bool = False
    add_message_id: bool = False
    repair_message_id: bool = False
    dropped: frozenset[bytes] = frozenset()
    needs_from: bool = False
    needs_full_domains: bool = False

    def apply(self, draft: Draft) -> None:
        """Edit the header. Raises Refused, or HeaderTooLong.

        No field that a signature covers is added, changed or taken out. A message that was sent again has a block of
        fields of its own in front, and that is completed (HDR-10).
        """
        fields = draft.fields
        names = [field.name for field in fields]
        if self.needs_from and names.count(b"from") != 1:
            raise Refused(SEVERAL_FROM if b"from" in names else NO_FROM)
        if self.needs_full_domains:
            _check_domains(fields)
        if self._special.isdisjoint(names):
            after = _completed(fields, names, self._wanted)
        else:
            after = self._with_care(fields, names)
        if after != fields:
            draft.edit(after)

    @cached_property
    def _special(self) -> frozenset[bytes]:
        """Names that few messages have, where more is to be done than to add what is missing."""
        return self.dropped | SIGNATURES | _RESENT

    @cached_property
    def _wanted(self) -> tuple[_Wanted, ...]:
        date = _Wanted(b"Date", b"date", lambda _: date_now(), _is_date if self.repair_date else None)
        is_valid = _is_message_id if self.repair_message_id else None
        id = _Wanted(b"Message-ID", b"message-id", self._new_id, is_valid)
        return (date,) * self.add_date + (id,) * self.add_message_id

    def _with_care(self, fields: Sequence[Field], names: list[bytes]) -> tuple[Field, ...]:
        """What becomes of a header with special names."""
        covered = covered_names(fields)
        if dropped := self.dropped.intersection(names) - covered:
            fields = [field for field in fields if field.name not in dropped]
            names = [field.name for field in fields]
        resent = _resent_block(names)
        begin, end = resent or (0, len(names))
        wanted = [one.again() for one in self._wanted] if resent else self._wanted
        return _completed(fields, names[begin:end], [one for one in wanted if one.name not in covered], begin)

    def _new_id(self, fields: Sequence[Field]) -> str:
        domain = self.hostname
        for field in fields:
            if field.name == b"from" and (found := _FROM_DOMAIN.search(field.value)):
                domain = found[1].decode("ascii")
        return f"<{secrets.token_hex(16)}@{domain}>"


def _check_domains(fields: Sequence[Field]) -> None:
    """No address may have a domain of one label (RFC 6409 4.2). What is no list of addresses is left alone."""
    for field in fields:
        if field.name in _AUTHORS or field.name in _READERS:
            try:
                found = mailboxes(field)
            except Unparsable:
                continue
            if any(one.address.is_single_label for one in found):
                raise Refused(SINGLE_LABEL_SENDER if field.name in _AUTHORS else SINGLE_LABEL_RECIPIENT)


def _resent_block(names: Sequence[bytes]) -> tuple[int, int] | None:
    """Where the first block of Resent fields begins and ends, if there is one."""
    resent = [name.startswith(_AGAIN) for name in names]
    if True not in resent:
        return None
    begin = resent.index(True)
    return begin, [*resent, False].index(False, begin)


def _completed(
    fields: Sequence[Field], names: Sequence[bytes], wanted: Iterable[_Wanted], begin: int = 0
) -> tuple[Field, ...]:
    """With what is wanted: at the end of a block where it is missing, in the place of a single one that is not valid.

    `names` are those of the block, `begin` is where it begins.
    """
    after, end = list(fields), begin + len(names)
    for one in wanted:
        number = names.count(one.name)
        if not number:
            after.insert(end, one.field(fields))
            end += 1
        elif number == 1 and one.is_valid is not None:
            at = begin + names.index(one.name)
            if not one.is_valid(fields[at].value):
                after[at] = one.field(fields)
    return tuple(after)


def _is_date(value: bytes) -> bool:
    """Obsolete forms are valid too (RFC 5322 4.3)."""
    return _is_read(value) or (len(value) <= _MAX_DATE and _is_read(_plain_date(value)))


def _is_read(date: bytes) -> bool:
    try:
        parsedate_to_datetime(date.decode("ascii"))
    except (ValueError, OverflowError):  # UnicodeDecodeError among them
        return False
    return True


def _plain_date(value: bytes) -> bytes:
    """Without what Python does not read: comments, white space around marks, and the leap second (RFC 5322 3.3)."""
    pieces, depth = list[bytes](), 0
    for piece in _PIECES.findall(value):
        if piece == b"(":
            depth += 1
        elif piece == b")" and depth:
            depth -= 1
            pieces.append(b" ")
        elif not depth:
            pieces.append(piece)
    plain = b"".join(pieces)
    for mark in (b":", b","):
        plain = mark.join(piece.strip() for piece in plain.split(mark))
    return _LEAP_SECOND.sub(rb"\1:59", plain)


def _is_message_id(value: bytes) -> bool:
    return _MESSAGE_ID.fullmatch(value) is not None
