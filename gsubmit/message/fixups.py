"""What a submission server may add to a header or take out of it (RFC 6409 8), each only where it is asked for."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeAlias

from gsubmit.message.draft import Draft
from gsubmit.message.fields import Field
from gsubmit.message.header import date_now
from gsubmit.message.mailboxes import Unparsable, mailboxes
from gsubmit.message.signatures import SIGNATURES, covered_names
from gsubmit.smtp.replies import NO_FROM, SEVERAL_FROM, SINGLE_LABEL_RECIPIENT, SINGLE_LABEL_SENDER
from gsubmit.smtp.reply import Refused

# As readers take it, which is wider than RFC 5322 3.6.4: what is valid for anybody is never changed (HDR-3).
_MESSAGE_ID = re.compile(rb"[ \t]*<[^<>@\s]+@[^<>\s]+>[ \t]*(?:\([^()]*\)[ \t]*)?")
_FROM_DOMAIN = re.compile(rb"@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)>?[ \t]*$")
_AUTHORS = frozenset({b"from", b"sender", b"reply-to", b"resent-from", b"resent-sender"})
_READERS = frozenset({b"to", b"cc", b"bcc", b"resent-to", b"resent-cc", b"resent-bcc"})
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
    needs_full_domains: bool = False

    def apply(self, draft: Draft) -> None:
        """Edit the header. Raises Refused, or HeaderTooLong.

        No field that a signature covers is added, changed or taken out. A message that was sent again has a block of
        fields of its own in front, and that is completed (HDR-10).
        """
        before = draft.fields
        names = [field.name for field in before]
        if self.needs_from and names.count(b"from") != 1:
            raise Refused(SEVERAL_FROM if b"from" in names else NO_FROM)
        if self.needs_full_domains:
            _check_domains(before)
        covered = frozenset() if SIGNATURES.isdisjoint(names) else covered_names(before)
        fields = list(before)
        if dropped := self.dropped.intersection(names) - covered:
            fields = [field for field in fields if field.name not in dropped]
            names = [field.name for field in fields]
        resent = _resent_block(names)
        prefix, (begin, end) = (b"Resent-", resent) if resent else (b"", (0, len(names)))
        block, names = fields[begin:end], names[begin:end]
        if self.add_date and (name := prefix + b"Date").lower() not in covered:
            _complete(block, names, name, date_now, _is_date if self.repair_date else None)
        if self.add_message_id and (name := prefix + b"Message-ID").lower() not in covered:
            is_valid = _is_message_id if self.repair_message_id else None
            _complete(block, names, name, lambda: self._new_id(fields), is_valid)
        after = (*fields[:begin], *block, *fields[end:])
        if after != before:
            draft.edit(after)

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
    resent = [name.startswith(b"resent-") for name in names]
    if True not in resent:
        return None
    begin = resent.index(True)
    return begin, [*resent, False].index(False, begin)


def _complete(
    block: list[Field], names: Sequence[bytes], name: bytes, make: Callable[[], str], is_valid: _Check | None
) -> None:
    """A field at the end where none of that name is there, and in the place of a single one that is not valid.

    `names` are those that stood in the block at first.
    """
    lower = name.lower()
    number = names.count(lower)
    at = names.index(lower) if number else len(block)
    if not number or (number == 1 and is_valid is not None and not is_valid(block[at].value)):
        block[at : at + 1] = [Field(lower, b"%b: %b\r\n" % (name, make().encode("ascii", "replace")))]


def _is_date(value: bytes) -> bool:
    """Obsolete forms are valid too (RFC 5322 4.3)."""
    try:
        parsedate_to_datetime(value.decode("ascii"))
    except (ValueError, OverflowError):  # UnicodeDecodeError among them
        return False
    return True


def _is_message_id(value: bytes) -> bool:
    return _MESSAGE_ID.fullmatch(value) is not None
