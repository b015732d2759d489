"""What is known of one copy, from the relay's yes to the last look at the mailbox."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import NamedTuple, Protocol

from gsubmit.sent.marks import Marks

DAY = 86400.0  # seconds
MAX_ID = 998  # octets of a Message-ID that are of use: those of a line (RFC 5322 2.1.1)


class Octets(Protocol):
    """The content of a message."""

    @property
    def size(self) -> int:
        """How many there are."""

    def blocks(self) -> Iterator[bytes]:
        """All of them, from the start."""


class Wish(NamedTuple):
    r"""The mailbox that somebody asked for, if somebody has, and the flags beside \Seen.

    `creates`: it is made if it is missing; `use`: the mailbox with that attribute comes first (RFC 6154).
    """

    mailbox: str = ""
    flags: tuple[str, ...] = ()
    creates: bool = False
    use: str = ""


@dataclass
class Place:
    """Where a copy is, or may be. `uidnext` is the mailbox's before APPEND; `uid` 0: what came of that is unknown."""

    mailbox: str
    uidvalidity: int
    uidnext: int
    uid: int = 0


@dataclass
class Record:
    """One copy. `wish` is what passdb, plugin or script have asked for; `source` the one that BURL took it from.

    `place` is None until APPEND is tried, `looks` counts those at the mailbox after it. Moments are seconds since the
    epoch.
    """

    id: str  # of the transaction
    label: str  # of the session, for log lines
    user: str
    arrival: float
    size: int
    is_binary: bool
    marks: Marks
    wish: Wish = field(default_factory=Wish)
    source: str = ""
    tries: int = 0
    error: str = ""
    place: Place | None = None
    looks: int = 0
    is_leaving: bool = False  # ours was marked as deleted, or is about to be

    @property
    def moment(self) -> int:
        """The time that the copy gets: one that no upload of a client's has, neither by its clock nor by its Date."""
        moment = int(self.arrival) - 1
        return moment - 1 if self.marks.written == moment else moment

    @property
    def since(self) -> float:
        """No copy of it is older; a day is for time zones, which SEARCH knows nothing of."""
        return max(min(self.arrival, self.marks.written or self.arrival) - DAY, 0.0)

    @property
    def is_stored(self) -> bool:
        """Whether it is in the mailbox, and where."""
        return self.place is not None and self.place.uid > 0

    @property
    def age(self) -> float:
        """Seconds since the message came."""
        return max(0.0, time.time() - self.arrival)

    def __str__(self) -> str:
        """For the log."""
        msgid = self.marks.message_id[:MAX_ID].replace(",", "?")  # as the line of the relayed message has it
        return f"id={self.id}, size={self.size}, msgid={msgid}"

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Raises ValueError."""
        try:
            values = json.loads(text)
            is_resent, message_id, date, facts = values.pop("marks")
            place = values.pop("place")
            mailbox, flags, creates, use = values.pop("wish")
            wish = Wish(mailbox, tuple(flags), creates, use)
            marks = Marks(is_resent, message_id, date, tuple(facts))
            return cls(**values, marks=marks, wish=wish, place=Place(**place) if place is not None else None)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a record of a copy: {error}") from None
