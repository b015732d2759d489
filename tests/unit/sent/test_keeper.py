"""Copies from the relay's yes to the last look: what is tried when, what is said, and what outlives the process."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
import pytest

from gsubmit.metrics import current
from gsubmit.metrics.figures import SENT_COPIES
from gsubmit.net.imap import ImapFault, LoginRefused, Lost
from gsubmit.net.imappool import NoConnection, Who
from gsubmit.sent import entry, keeper, steps
from gsubmit.sent.folder import Folder
from gsubmit.sent.keeper import SentCopies
from gsubmit.sent.steps import Rules, Steps
from tests.unit.burl.imapserver import eventually
from tests.unit.sent.mailstore import MESSAGE, Content, Store, record

OWN = Who("user", "s3cret", is_users_own=True)


@dataclass
class Pool:
    """One connection after the other, to a Store."""

    store: Store = field(default_factory=Store)
    faults: list[Exception] = field(default_factory=list)  # of connections, one for each
    whos: list[Who] = field(default_factory=list)
    is_kept: bool = False
    is_closed: bool = False
    server: Any = None

    @contextmanager
    def connection(self, who: Who, *, new: bool = False) -> Iterator[Client]:
        self.whos.append(who)
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, NoConnection):
                raise fault
            yield Client(self.store, fault, has_served=self.is_kept and not new)
            return
        yield Client(self.store)

    def close(self) -> None:
        self.is_closed = True


class Client:
    def __init__(self, store: Store, fault: Exception | None = None, *, has_served: bool = False) -> None:
        self.has_served = has_served
        self._store, self._fault = store, fault

    @contextmanager
    def begun(self, _: float) -> Iterator[None]:
        if self._fault is not None:
            raise self._fault
        yield

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@dataclass
class Kept:
    pool: Pool
    copies: SentCopies
    folder: Path

    def keep(self, *, own: Who | None = None, has_left: Callable[[], bool] = lambda: False, **more: object) -> None:
        made = record(**more)  # type: ignore[arg-type]
        self.copies.keep(made, Content(MESSAGE), own, has_left)

    @property
    def files(self) -> list[str]:
        return sorted(path.suffix for path in self.folder.iterdir() if not path.name.startswith("."))


@contextmanager
def copies(
    tmp_path: Path,
    pool: Pool | None = None,
    *,
    on_disk: bool = True,
    master: bool = True,
    delay: float = 0.0,
    size: int = 0,
) -> Iterator[Kept]:
    there: Any = pool or Pool()
    rules = Rules(mailbox="Sent", creates=False, delay=delay, seconds=5.0, directory=str(tmp_path))
    login = (lambda user: Who("master", "s3cret", user)) if master else None
    made = SentCopies(Steps(there, login, rules), Folder(str(tmp_path), size) if on_disk else None)
    made.start()
    try:
        yield Kept(there, made, tmp_path)
    finally:
        made.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "TICK", 0.01)
    for name, value in {"LOOKS": (0.05, 0.1), "RETRIES": (0.05,), "RETRIES_HERE": (0.02, 0.04), "BREAK": 0.05}.items():
        monkeypatch.setattr(steps, name, value)
    monkeypatch.setattr(steps, "GIVE_UP", 1e12)  # the record's arrival is long ago


def counted(result: str) -> float:
    return current.row[SENT_COPIES.at(result)]


@pytest.mark.parametrize("on_disk", [True, False])
def test_stored_and_looked_after(tmp_path: Path, on_disk: bool) -> None:
    before = counted("stored")
    with copies(tmp_path, on_disk=on_disk) as kept:
        kept.keep()
        assert kept.files == ([".copy", ".eml"] if on_disk else [])
        assert eventually(lambda: kept.pool.store.did.count("find") >= 3)
        assert eventually(lambda: kept.files == [])
        assert list(kept.pool.store.messages) == [1]
        assert kept.pool.whos[0] == Who("master", "s3cret", "user")
    assert counted("stored") == before + 1


def test_the_message_goes_when_it_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "LOOKS", (60.0, 600.0))
    with copies(tmp_path) as kept:
        kept.keep()
        assert eventually(lambda: kept.files == [".copy"])


@pytest.mark.parametrize("on_disk", [True, False])
def test_ours_is_taken_back(tmp_path: Path, on_disk: bool) -> None:
    before = counted("taken_back")
    with copies(tmp_path, on_disk=on_disk) as kept:
        kept.keep()
        assert eventually(lambda: bool(kept.pool.store.messages))
        kept.pool.store.comes(MESSAGE)
        assert eventually(lambda: list(kept.pool.store.messages) == [2])
        assert eventually(lambda: kept.files == [])
    assert counted("taken_back") == before + 1


def test_what_was_not_done_is_done_by_the_next_process(tmp_path: Path) -> None:
    with copies(tmp_path, delay=60.0) as kept:
        kept.keep()
        gevent.sleep(0.05)
        assert kept.files == [".copy", ".eml"]
        assert not kept.pool.whos
    (path,) = tmp_path.glob("*.copy")

    os.utime(path, (0, 0))
    with copies(tmp_path) as kept:
        assert eventually(lambda: kept.files == [])
        assert list(kept.pool.store.messages) == [1]


@pytest.mark.parametrize(
    "fault",
    [NoConnection("no route"), Lost("lost"), ImapFault("nonsense"), OSError("no folder")],
    ids=lambda fault: type(fault).__name__,
)
@pytest.mark.parametrize("on_disk", [True, False])
def test_a_fault_is_tried_again(
    tmp_path: Path, fault: Exception, on_disk: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with copies(tmp_path, Pool(faults=[fault]), on_disk=on_disk) as kept:
        kept.keep()
        assert eventually(lambda: list(kept.pool.store.messages) == [1])
    assert "Copy is not in Sent yet: id=abc" in caplog.text


def test_a_kept_connection_that_died_is_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with copies(tmp_path, Pool(faults=[Lost("lost")], is_kept=True)) as kept:
        kept.keep()
        assert eventually(lambda: list(kept.pool.store.messages) == [1])
    assert "not in Sent yet" not in caplog.text


def test_a_server_that_is_away_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "BREAK", 60.0)
    with copies(tmp_path, Pool(faults=[NoConnection("no route")])) as kept:
        for _ in range(5):
            kept.keep()
            gevent.sleep(0.01)
        gevent.sleep(0.1)
        assert len(kept.pool.whos) == 1
        assert kept.files == [".copy"] * 5 + [".eml"] * 5


def test_on_disk_it_is_given_up_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(steps, "GIVE_UP", 0.0)
    before = counted("failed")
    with copies(tmp_path, Pool(faults=[Lost("lost")])) as kept:
        kept.keep()
        assert eventually(lambda: kept.files == [".eml", ".lost"])
    assert "No copy in Sent: user=<user>, id=abc" in caplog.text
    assert counted("failed") == before + 1


def test_in_memory_it_is_tried_three_times(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pool = Pool(faults=[Lost("lost")] * 5)
    with copies(tmp_path, pool, on_disk=False) as kept:
        kept.keep()
        assert eventually(lambda: "No copy in Sent" in caplog.text)
    assert len(pool.faults) == 2


@pytest.mark.parametrize("code", ["OVERQUOTA", "NOPERM", "TOOBIG"])
def test_what_is_final_is_said_once_for_a_user(tmp_path: Path, code: str, caplog: pytest.LogCaptureFixture) -> None:
    before = counted("failed")
    with copies(tmp_path, Pool(Store(refuses={"append": code}))) as kept:
        for user in ("user", "user", "another", "user"):
            kept.keep(user=user)
            assert eventually(lambda: kept.files == [])
        assert kept.pool.store.did.count("append") == 4
    assert caplog.text.count("No copies in Sent for now: user=<user>") == 1
    assert caplog.text.count("No copies in Sent for now") == 2
    assert counted("failed") == before + 4


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INUSE", "SERVERBUG", ""])
def test_what_is_not_final_is_tried_again(tmp_path: Path, code: str) -> None:
    with copies(tmp_path, Pool(Store(refuses={"append": code}))) as kept:
        kept.keep()
        assert eventually(lambda: kept.pool.store.did.count("append") >= 2)
        kept.pool.store.refuses.clear()
        assert eventually(lambda: list(kept.pool.store.messages) == [1])


def test_the_mailbox_is_asked_for_once(tmp_path: Path) -> None:
    with copies(tmp_path) as kept:
        for number in range(3):
            kept.keep(id=f"a{number}")
        assert eventually(lambda: kept.files == [])
        assert kept.pool.store.did.count("list") == 1


def test_the_same_message_twice_at_once_is_there_once(tmp_path: Path) -> None:
    """A client that did not hear its 250 sends the message again, on another connection."""
    with copies(tmp_path) as kept:
        for _ in range(8):
            kept.keep()
        assert eventually(lambda: kept.files == [])
        assert list(kept.pool.store.messages) == [1]


def test_a_folder_that_is_full_or_gone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The 250 stands; the copy is tried from memory."""
    with copies(tmp_path, size=10) as kept:
        kept.keep()
        assert kept.files == []
        assert eventually(lambda: list(kept.pool.store.messages) == [1])
    assert "No file for the copy in Sent" in caplog.text


def test_clients_own_login(tmp_path: Path) -> None:
    """Nothing on disk; one look when the session ends."""
    is_over = False
    with copies(tmp_path, master=False) as kept:
        steps_before = steps.LOOKS
        steps.LOOKS = (60.0, 600.0)
        try:
            kept.keep(own=OWN, has_left=lambda: is_over)
            assert eventually(lambda: list(kept.pool.store.messages) == [1])
            assert kept.files == []
            kept.pool.store.comes(MESSAGE)
            gevent.sleep(0.05)
            assert len(kept.pool.store.messages) == 2
            is_over = True
            assert eventually(lambda: list(kept.pool.store.messages) == [2])
            assert set(kept.pool.whos) == {OWN}
        finally:
            steps.LOOKS = steps_before


def test_without_any_login(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with copies(tmp_path, master=False) as kept:
        kept.keep()
        assert not kept.pool.whos
    assert "No copy in Sent: user=<user>" in caplog.text


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(keeper, "MAX_HELD", 2)
    with copies(tmp_path, on_disk=False, delay=60.0) as kept:
        for _ in range(3):
            kept.keep()
        kept.copies.give_up()
    assert caplog.text.count("2 copies are in memory already") == 1
    assert caplog.text.count("the server stops") == 2


def test_no_more_than_so_many_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "AT_A_TIME", 1)
    with copies(tmp_path) as kept:
        for number in range(5):
            kept.keep(user=f"user{number}", id=f"a{number}")
        assert eventually(lambda: kept.files == [])
        assert kept.pool.store.did.count("append") == 1  # they are all the same message


def test_a_disk_that_was_full_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After the relay's yes, before APPEND."""

    def fails(_: entry.Kept) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with copies(tmp_path) as kept:
        kept.keep()
        with monkeypatch.context() as patch:
            patch.setattr(entry.Kept, "save", fails)
            assert eventually(lambda: caplog.text.count("No space left on device") > 1)
            assert kept.pool.store.messages == {}
        assert eventually(lambda: kept.files == [])
        assert list(kept.pool.store.messages) == [1]


def test_a_file_that_cannot_be_opened_is_in_nobodys_way(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with copies(tmp_path, delay=0.05) as kept:
        (tmp_path / "0.copy").mkdir()
        os.utime(tmp_path / "0.copy", (0, 0))
        kept.keep()
        assert eventually(lambda: list(kept.pool.store.messages) == [1])
        assert caplog.text.count("copies left alone for an hour: 1, the first: ") == 1


def test_nonsense_in_the_folder_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "x.copy").write_text("nonsense")
    with copies(tmp_path) as kept:
        assert eventually(lambda: kept.files == [".lost"])


def test_a_bug_costs_no_message(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with copies(tmp_path, Pool(faults=[RuntimeError("a bug")])) as kept, caplog.at_level(logging.ERROR):
        kept.keep()
        assert eventually(lambda: "a bug" in caplog.text)
        assert eventually(lambda: kept.files == [])
        assert list(kept.pool.store.messages) == [1]


def test_a_login_that_is_refused_is_not_tried_for_each_message(tmp_path: Path) -> None:
    """Some users have no mailboxes."""
    with copies(tmp_path, Pool(faults=[LoginRefused("AUTHENTICATIONFAILED")])) as kept:
        for _ in range(3):
            kept.keep()
        kept.keep(user="another")
        gevent.sleep(0.2)
        assert [who.authorization_id for who in kept.pool.whos if who.authorization_id == "user"] == ["user"]
        assert kept.files.count(".eml") == 3
        assert list(kept.pool.store.messages) == [1]


def test_a_login_that_fails_for_now_is_tried_again(tmp_path: Path) -> None:
    with copies(tmp_path, Pool(faults=[LoginRefused("UNAVAILABLE")])) as kept:
        kept.keep()
        assert eventually(lambda: list(kept.pool.store.messages) == [1])


def test_a_look_that_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with copies(tmp_path) as kept:
        kept.keep()
        assert eventually(lambda: kept.pool.store.did.count("append") == 1)
        kept.pool.store.refuses["examine"] = "NOPERM"
        assert eventually(lambda: kept.files == [])
    assert "No cop" not in caplog.text


def test_memory_is_looked_after_when_the_folder_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    with copies(folder) as kept:
        gevent.sleep(0.05)
        (folder / ".scanner").unlink()
        folder.rmdir()
        kept.keep()
        assert eventually(lambda: list(kept.pool.store.messages) == [1])
        kept.pool.store.comes(MESSAGE)
        assert eventually(lambda: list(kept.pool.store.messages) == [2])
        folder.mkdir()
