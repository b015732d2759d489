"""By what a message is known again in a mailbox: its Message-ID, or Date with four fields more."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.utils import mktime_tz, parsedate_tz
from typing import NamedTuple

from gsubmit.message.fields import Field

_RESENT = "resent-"
_TIME = re.compile(r"[0-9]{1,2}:[0-9]{2}\b", re.ASCII)


class Marks(NamedTuple):
    """Values of header fields, unfolded, empty where there is no such field; the first of a name counts.

    One that was sent again (RFC 5322 3.6.6) has the id of that, and the fields of its first Resent block, or the
    original would be taken for it. Octets are characters here, as in Latin-1.
    """

    is_resent: bool
    message_id: str
    date: str
    facts: tuple[str, ...]  # From, To, Cc, Subject

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that these are from: Message-ID, Date, and the facts."""
        return names(is_resent=self.is_resent)

    @property
    def written(self) -> float | None:
        """What Date says, in seconds since the epoch; None when that cannot be read."""
        parsed = parsedate_tz(self.date)
        if parsed is None:
            return None
        year = parsed[0] + 1900 if parsed[0] < 1000 else parsed[0]  # RFC 5322 4.3; two digits are four already
        try:
            return mktime_tz((year, *parsed[1:]))
        except (ValueError, OverflowError):
            return None

    @property
    def word_of_date(self) -> str:
        """One that stands in Date however that is folded, or has two spaces: the time of day, if there is one."""
        words = self.date.split()
        return next((word for word in words if _TIME.match(word)), max(words, key=len, default=""))

    def is_same_message(self, other: Marks) -> bool:
        """Whether the Message-ID is the same, or all else: clients may give their own copy another id."""
        if self.message_id and self.message_id == other.message_id:
            return True
        return bool(self.date) and self[2:] == other[2:]


def names(*, is_resent: bool) -> tuple[str, ...]:
    """The names of Message-ID, Date, From, To, Cc and Subject, in lower case."""
    prefix = _RESENT if is_resent else ""
    return (*(prefix + name for name in ("message-id", "date", "from", "to", "cc")), "subject")


def marks_of(fields: Iterable[Field], *, is_resent: bool | None = None) -> Marks:
    """What these fields say; `is_resent` None: whether it was sent again is to be seen in them."""
    values: dict[str, str] = {}
    for field in fields:
        name = field.name.decode("latin-1")
        if is_resent is None and name.startswith(_RESENT):
            is_resent = True
        values.setdefault(name, " ".join(field.value.decode("latin-1").split()))
    message_id, date, *facts = (values.get(name, "") for name in names(is_resent=bool(is_resent)))
    return Marks(bool(is_resent), message_id, date, tuple(facts))
