"""What a submission server may add to a header or take out of it (RFC 6409 8), each only where it is asked for."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from typing import TypeAlias

from gsubmit.message.draft import Draft
from gsubmit.message.fields import Field
from gsubmit.message.signatures import covered_names
from gsubmit.smtp.replies import NO_FROM, SEVERAL_FROM
from gsubmit.smtp.reply import Refused

_RESENT = b"resent-"
# As readers take it, which is wider than RFC 5322 3.6.4: what is valid for anybody is never changed (HDR-3).
_MESSAGE_ID = re.compile(rb"[ \t]*<[^<>@\s]+@[^<>\s]+>[ \t]*(?:\([^()]*\)[ \t]*)?")
_FROM_DOMAIN = re.compile(rb"@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)>?[ \t]*$")
_Check: TypeAlias = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class FixUps:
    """`dropped` are names in lower case; `add_...` and `repair_...` are for what is missing and what is invalid."""

    hostname: str
    add_date: bool = False
    repair_date: bool = False
    add_message_id: bool = False
    repair_message_id: bool = False
    dropped: frozenset[bytes] = frozenset()
    needs_from: bool = False

    def apply(self, draft: Draft) -> None:
        """Edit the header. Raises Refused, or HeaderTooLong.

        No field that a signature covers is added, changed or taken out. A message that was sent again has a block of
        fields of its own in front, and that is completed (HDR-10).
        """
        before = draft.fields
        if self.needs_from:
            senders = [field for field in before if field.name == b"from"]
            if len(senders) != 1:
                raise Refused(SEVERAL_FROM if senders else NO_FROM)
        covered = covered_names(before)
        fields = list(before)
        if dropped := self.dropped - covered:
            fields = [field for field in fields if field.name not in dropped]
        begin, end = _resent_block(fields) or (0, len(fields))
        prefix = b"Resent-" if begin < len(fields) and fields[begin].name.startswith(_RESENT) else b""
        date, message_id = (prefix + name for name in (b"Date", b"Message-ID"))
        if self.add_date and date.lower() not in covered:
            made = Field(date.lower(), date + b": " + formatdate(localtime=True).encode("ascii") + b"\r\n")
            end += _complete(fields, begin, end, made, _is_date if self.repair_date else None)
        if self.add_message_id and message_id.lower() not in covered:
            made = Field(message_id.lower(), message_id + b": " + self._new_id(fields) + b"\r\n")
            _complete(fields, begin, end, made, _is_message_id if self.repair_message_id else None)
        if len(fields) != len(before) or any(one is not other for one, other in zip(fields, before, strict=True)):
            draft.edit(fields)

    def _new_id(self, fields: Sequence[Field]) -> bytes:
        domain = self.hostname.encode("ascii", "replace")
        for field in fields:
            if field.name == b"from" and (found := _FROM_DOMAIN.search(field.value)):
                domain = found[1]
        return b"<" + secrets.token_hex(16).encode("ascii") + b"@" + domain + b">"


def _resent_block(fields: Sequence[Field]) -> tuple[int, int] | None:
    """Where the first block of Resent fields begins and ends, if there is one."""
    begin = next((at for at, field in enumerate(fields) if field.name.startswith(_RESENT)), None)
    if begin is None:
        return None
    end = begin
    while end < len(fields) and fields[end].name.startswith(_RESENT):
        end += 1
    return begin, end


def _complete(fields: list[Field], begin: int, end: int, made: Field, is_valid: _Check | None) -> int:
    """Put `made` at the end where none from `begin` to `end` is such a field, or in the place of one that is not valid.

    How many fields there are more.
    """
    there = [at for at in range(begin, end) if fields[at].name == made.name]
    if not there:
        fields.insert(end, made)
        return 1
    if len(there) == 1 and is_valid is not None and not is_valid(fields[there[0]].value):
        fields[there[0]] = made
    return 0


def _is_date(value: bytes) -> bool:
    """Obsolete forms are valid too (RFC 5322 4.3)."""
    try:
        parsedate_to_datetime(value.decode("ascii"))
    except (ValueError, OverflowError):  # UnicodeDecodeError among them
        return False
    return True


def _is_message_id(value: bytes) -> bool:
    return _MESSAGE_ID.fullmatch(value) is not None
