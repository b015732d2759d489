"""What is done at the mailbox, step by step, and what a later process makes of each step that was the last."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gsubmit.sent.client import No
from gsubmit.sent.mailboxes import Mailboxes
from gsubmit.sent.procedure import Hopeless, look, store
from gsubmit.sent.record import Record, Wish
from tests.unit.sent.mailstore import DELETED, MESSAGE, SEEN, Content, Store, record

OTHER_ID = MESSAGE.replace(b"<1@", b"<2@")
OTHER = OTHER_ID.replace(b"Subject: it", b"Subject: else")


class Saved:
    """Keeps the record as a file would."""

    def __init__(self, of: Record) -> None:
        self._of = of
        self.texts: list[str] = []

    def __call__(self) -> None:
        self.texts.append(self._of.to_json())

    @property
    def last(self) -> Record:
        return Record.from_json(self.texts[-1])


def put(
    there: Store,
    of: Record,
    octets: bytes = MESSAGE,
    *,
    name: str = "Sent",
    creates: bool = False,
    folder: str = "/tmp",
) -> str:
    client: Any = there
    content: Any = Content(octets)
    return store(client, of, content, Mailboxes(name, creates=creates), folder, lambda: None)


def looked(there: Store, of: Record, saved: Saved | None = None) -> str:
    client: Any = there
    return look(client, of, saved or (lambda: None))


def stored(there: Store) -> Record:
    made = record()
    assert put(there, made) == "stored"
    return made


def test_a_message_is_stored_where_the_server_says() -> None:
    there = Store("Gesendet", "Gesendet")
    made = stored(there)
    assert made.place is not None
    assert (made.place.mailbox, made.place.uidvalidity, made.place.uid) == ("Gesendet", 7, 1)
    assert there.messages[1].octets == MESSAGE


@pytest.mark.parametrize(
    ("octets", "is_there"),
    [
        pytest.param(MESSAGE, True, id="the-same"),
        pytest.param(OTHER_ID, True, id="another-id"),
        pytest.param(OTHER, False, id="another-message"),
        pytest.param(MESSAGE.replace(b"11:59:00", b"11:58:00").replace(b"<1@", b"<2@"), False, id="another-date"),
        pytest.param(MESSAGE.replace(b"Subject: it", b"Subject: other"), True, id="the-id-is-enough"),
    ],
)
def test_what_is_there_already(octets: bytes, is_there: bool) -> None:
    there = Store()
    there.comes(octets)
    assert put(there, record()) == ("there" if is_there else "stored")
    assert len(there.messages) == (1 if is_there else 2)


def test_what_is_marked_as_deleted_is_not_there() -> None:
    there = Store()
    there.comes(MESSAGE, flags=(SEEN, DELETED))
    assert put(there, record()) == "stored"


def test_a_message_that_was_sent_again_is_another_one() -> None:
    there = Store()
    there.comes(MESSAGE)
    again = b"Resent-From: <a@example.org>\r\nResent-Message-ID: <9@example.org>\r\n" + MESSAGE
    assert put(there, record(again), again) == "stored"
    assert put(there, record(again), again) == "there"


def test_what_came_from_sent_by_burl_is_not_looked_for() -> None:
    there = Store()
    assert put(there, record(source="Sent")) == "there"
    assert "find" not in there.did
    assert put(there, record(source="Drafts")) == "stored"


@pytest.mark.parametrize("creates", [True, False])
def test_sent_was_renamed(creates: bool) -> None:
    there = Store()
    client: Any = there
    mailboxes = Mailboxes("Sent", creates=creates)
    content: Any = Content(MESSAGE)
    store(client, record(), content, mailboxes, "/tmp", lambda: None)
    there.mailbox = there.marked = "Gesendet"
    there.messages, there.did = {}, []
    assert store(client, record(), content, mailboxes, "/tmp", lambda: None) == "stored"
    assert there.did[:4] == ["examine", "list", "examine", "find"]
    assert store(client, record(source="Gesendet"), content, mailboxes, "/tmp", lambda: None) == "there"


def test_the_mailbox_of_the_passdb() -> None:
    there = Store("Archiv & ü")
    assert put(there, record(wish=Wish("Archiv & ü"))) == "stored"
    assert "list" not in there.did


@pytest.mark.parametrize("creates", [True, False])
def test_a_mailbox_that_is_missing(creates: bool) -> None:
    there = Store("INBOX", "")
    if creates:
        assert put(there, record(), creates=True) == "stored"
        assert there.mailbox == "Sent"
    else:
        with pytest.raises(Hopeless, match="no mailbox Sent"):
            put(there, record())
        assert "create" not in there.did


def test_a_message_that_is_larger_than_the_server_takes() -> None:
    with pytest.raises(Hopeless, match="APPENDLIMIT"):
        put(Store(most=len(MESSAGE) - 1), record())
    assert put(Store(most=len(MESSAGE)), record()) == "stored"


@pytest.mark.parametrize("takes", [True, False])
def test_binary_content(takes: bool, tmp_path: Path) -> None:
    binary = MESSAGE.replace(
        b"\r\n\r\n",
        b"\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n\0",
    )
    there = Store(has_binary=takes)
    made = record(binary, is_binary=True)
    assert put(there, made, binary, folder=str(tmp_path)) == "stored"
    assert (b"\0" in there.messages[1].octets) == takes
    assert made.size == len(there.messages[1].octets)


def test_binary_content_that_cannot_be_converted(tmp_path: Path) -> None:
    signed = MESSAGE.replace(
        b"\r\n\r\n", b"\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\0\r\n--b--\r\n"
    )
    with pytest.raises(Hopeless, match="binary content"):
        put(Store(), record(signed, is_binary=True), signed, folder=str(tmp_path))


# APPEND whose end nobody has heard


@pytest.mark.parametrize(
    ("comes", "ours"),
    [
        pytest.param([], True, id="alone"),
        pytest.param([{"octets": OTHER}], True, id="beside-another"),
        pytest.param([{"octets": MESSAGE + b"x"}], True, id="beside-a-longer-one-of-the-client"),
        pytest.param([{"octets": MESSAGE, "moment": 5}], True, id="beside-one-of-another-time"),
        pytest.param([{"octets": MESSAGE, "moment": "ours"}], False, id="beside-one-that-is-alike"),
    ],
)
def test_an_append_that_has_come_is_found_again(comes: list[dict[str, Any]], ours: bool) -> None:
    there, made = Store(dies_at="append", after=True), record()
    there.comes(OTHER)
    saved = Saved(made)
    with pytest.raises(ConnectionError):
        store(there, made, Content(MESSAGE), Mailboxes("Sent", creates=False), "/tmp", saved)  # type: ignore[arg-type]
    for one in comes:
        there.comes(one["octets"], made.moment if one.get("moment") == "ours" else one.get("moment", 5))
    again = saved.last
    assert put(there, again) == ("stored" if ours else "there")
    assert there.did.count("append") == 1
    if ours:
        assert again.place is not None
        assert again.place.uid == 2


def test_an_append_that_has_not_come_is_done_again() -> None:
    there, made = Store(dies_at="append"), record()
    saved = Saved(made)
    with pytest.raises(ConnectionError):
        store(there, made, Content(MESSAGE), Mailboxes("Sent", creates=False), "/tmp", saved)  # type: ignore[arg-type]
    there.comes(OTHER)
    assert put(there, saved.last) == "stored"
    assert len(there.messages) == 2


def test_a_clients_copy_is_not_taken_for_ours() -> None:
    """Ours did not come, a client's did: with its own time, so that it is left alone for ever."""
    there, made = Store(dies_at="append"), record()
    saved = Saved(made)
    with pytest.raises(ConnectionError):
        store(there, made, Content(MESSAGE), Mailboxes("Sent", creates=False), "/tmp", saved)  # type: ignore[arg-type]
    there.comes(MESSAGE, int(made.arrival))
    assert put(there, saved.last) == "there"


@pytest.mark.parametrize("date", ["11:59:59", "11:59:58"])
def test_our_time_is_nobody_elses(date: str) -> None:
    octets = MESSAGE.replace(b"11:59:00", date.encode())
    made = record(octets)
    assert made.moment < int(made.arrival)
    assert made.moment != made.marks.written


# Looks


def test_a_copy_that_is_alone_stays() -> None:
    there = Store()
    made = stored(there)
    assert looked(there, made) == "alone"
    assert list(there.messages) == [1]


@pytest.mark.parametrize("octets", [MESSAGE, OTHER_ID], ids=["the-same", "another-id"])
def test_ours_goes_when_the_clients_has_come(octets: bytes) -> None:
    there = Store()
    made = stored(there)
    there.comes(octets)
    there.comes(octets)
    assert looked(there, made) == "taken_back"
    assert list(there.messages) == [2, 3]


@pytest.mark.parametrize(
    ("change", "result"),
    [
        pytest.param({"flags": {SEEN, rb"\flagged"}}, "left", id="flagged"),
        pytest.param({"flags": {SEEN, b"$forwarded"}}, "left", id="a-keyword"),
        pytest.param({"flags": set()}, "left", id="not-seen"),
        pytest.param({"flags": {SEEN, DELETED}}, "left", id="deleted-by-its-user"),
        pytest.param({"gone": True}, "left", id="gone"),
        pytest.param({"uidvalidity": 8}, "left", id="uidvalidity"),
        pytest.param({"can_expunge_one": False}, "left", id="no-uidplus"),
    ],
)
def test_ours_is_left_alone(change: dict[str, Any], result: str) -> None:
    there = Store()
    made = stored(there)
    there.comes(MESSAGE)
    if "flags" in change:
        there.messages[1].flags = change.pop("flags")
    if change.pop("gone", False):
        del there.messages[1]
    for name, value in change.items():
        setattr(there, name, value)
    before = {uid: set(one.flags) for uid, one in there.messages.items()}
    assert looked(there, made) == result
    assert {uid: one.flags for uid, one in there.messages.items()} == before


def test_two_copies_of_ours_do_not_both_go() -> None:
    """A message that came twice at the same time: each sees the other."""
    there = Store()
    one, two = stored(there), record()
    there.refuses = {}
    uid = there.comes(MESSAGE, two.moment)
    assert one.place is not None
    two.place = type(one.place)("Sent", 7, 0, uid)
    there.messages[uid].flags.add(DELETED)  # the other one is a step ahead
    two.is_leaving = True
    assert looked(there, one) == "alone"
    assert looked(there, two) == "taken_back"
    assert list(there.messages) == [1]
    assert DELETED not in there.messages[1].flags


@pytest.mark.parametrize("step", ["mark", "expunge", "select"])
@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("others", [0, 1])
def test_a_crash_while_ours_is_taken_back(step: str, after: bool, others: int) -> None:
    """There is one in the end: the client's, or ours if the client's has gone meanwhile."""
    there = Store()
    made = stored(there)
    theirs = there.comes(MESSAGE)
    saved = Saved(made)
    saved()
    there.dies_at, there.after = step, after
    with suppress(ConnectionError):
        looked(there, made, saved)
    if not others:
        del there.messages[theirs]
    looked(there, saved.last)
    left = {uid for uid, one in there.messages.items() if DELETED not in one.flags}
    if others:
        assert left == {theirs}
    elif 1 in there.messages:
        assert left == {1}


@pytest.mark.parametrize("code", ["OVERQUOTA", "UNAVAILABLE", "NOPERM", ""])
def test_no_is_told_with_its_code(code: str) -> None:
    with pytest.raises(No) as raised:
        put(Store(refuses={"append": code}), record())
    assert raised.value.code == code


def test_without_uidplus_it_is_not_known_which_is_ours() -> None:
    made = stored(Store(says_uid=False))
    assert not made.is_stored
