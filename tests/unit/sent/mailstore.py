"""A mailbox in memory that looks like a SentClient, and copies for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gsubmit.message.fields import split_header
from gsubmit.sent.client import Facts, No
from gsubmit.sent.marks import Marks, marks_of
from gsubmit.sent.record import Octets, Record

ARRIVAL = 1_764_244_800.5  # Thu, 27 Nov 2025 12:00:00.5 +0000
MESSAGE = (
    b"From: <a@example.org>\r\nTo: <b@example.net>\r\nMessage-ID: <1@example.org>\r\nSubject: it\r\n"
    b"Date: Thu, 27 Nov 2025 11:59:00 +0000\r\n\r\nText\r\n"
)
SEEN, DELETED = rb"\seen", rb"\deleted"


@dataclass
class Content:
    octets: bytes

    @property
    def size(self) -> int:
        return len(self.octets)

    def blocks(self) -> Iterator[bytes]:
        yield self.octets


@dataclass
class Message:
    octets: bytes
    moment: int
    flags: set[bytes] = field(default_factory=lambda: {SEEN})


@dataclass
class Store:
    """`dies_at` is the method at which the connection is lost, `after` it has done its work or before."""

    mailbox: str = "Sent"
    marked: str = "Sent"
    uidvalidity: int = 7
    uidnext: int = 1
    messages: dict[int, Message] = field(default_factory=dict)
    can_expunge_one: bool = True
    has_binary: bool = False
    says_uid: bool = True
    most: int | None = None
    refuses: dict[str, str] = field(default_factory=dict)  # response codes of commands
    did: list[str] = field(default_factory=list)
    dies_at: str = ""
    after: bool = False

    def _do(self, name: str) -> None:
        self.did.append(name)
        if name in self.refuses:
            raise No(name, self.refuses[name])
        if name == self.dies_at and not self.after:
            self.dies_at = ""
            raise ConnectionError

    def _done(self, name: str) -> None:
        if name == self.dies_at:
            self.dies_at = ""
            raise ConnectionError

    def comes(self, octets: bytes, moment: int = 5, flags: tuple[bytes, ...] = (SEEN,)) -> int:
        """Somebody stores a message; its UID."""
        self.messages[self.uidnext] = Message(octets, moment, set(flags))
        self.uidnext += 1
        return self.uidnext - 1

    # What SentClient has

    def mailbox_for(self, use: str) -> str:
        self._do("list")
        self._done("list")
        return self.marked

    def create_mailbox(self, mailbox: str, use: str = "") -> None:
        self._do("create")
        self.mailbox = mailbox

    def limit(self, _: str) -> int | None:
        return self.most

    def open_mailbox(self, mailbox: str, *, to_write: bool = False) -> tuple[int, int]:
        self._do("select" if to_write else "examine")
        self._done("select" if to_write else "examine")
        if mailbox != self.mailbox:
            raise No("EXAMINE", "NONEXISTENT")
        return self.uidvalidity, self.uidnext

    def find(self, marks: Marks, since: float, ours: int = 0) -> list[int]:
        self._do("find")
        self._done("find")
        there = {uid: one for uid, one in self.messages.items() if DELETED not in one.flags}
        return [uid for uid, one in there.items() if marks.is_same_message(marks_of(split_header(one.octets)))]

    def facts(self, uids: str) -> list[Facts]:
        first = int(uids.partition(":")[0])
        found = {uid: one for uid, one in self.messages.items() if uid == first or (":" in uids and uid >= first)}
        return [Facts(uid, frozenset(one.flags), len(one.octets), one.moment) for uid, one in found.items()]

    def mark_deleted(self, uid: int, *, is_so: bool) -> None:
        self._do("mark")
        (self.messages[uid].flags.add if is_so else self.messages[uid].flags.discard)(DELETED)
        self._done("mark")

    def expunge_one(self, uid: int) -> None:
        self._do("expunge")
        assert DELETED in self.messages.pop(uid).flags
        self._done("expunge")

    def put(
        self, mailbox: str, octets: Octets, moment: int, flags: Sequence[str], *, is_binary: bool
    ) -> tuple[int, int]:
        self._do("append")
        assert mailbox == self.mailbox
        uid = self.comes(b"".join(octets.blocks()), moment)
        self._done("append")
        return (self.uidvalidity, uid) if self.says_uid else (0, 0)


def record(octets: bytes = MESSAGE, **more: object) -> Record:
    facts = {"id": "abc", "label": "submission(user)<abc>", "user": "user", "arrival": ARRIVAL, "size": len(octets)}
    facts |= {"is_binary": False, "marks": marks_of(split_header(octets.partition(b"\r\n\r\n")[0]))}
    return Record(**(facts | more))  # type: ignore[arg-type]
