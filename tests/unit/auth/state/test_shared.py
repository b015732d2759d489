"""The state in a file: of several processes, and when something happens to one of them or to the file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gsubmit.auth import refusals
from gsubmit.auth.loginstate import StateLost
from gsubmit.auth.penalty import FORGOTTEN
from gsubmit.auth.state import database
from gsubmit.auth.state.memory import StateMemory
from gsubmit.auth.state.shared import SharedState
from tests.harness.clock import clock_of
from tests.harness.peer_process import missing, need_root
from tests.unit.auth.state.hammering import MOST, ROUNDS, TURNS
from tests.unit.auth.state.states import HERE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def pair(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SharedState, SharedState]]:
    """As two processes have it; both have used it."""
    monkeypatch.setattr(database, "LOOK_TIME", 0.0)
    memory = StateMemory()
    one, other = SharedState(path, memory), SharedState(path, memory, 1)
    assert one.penalties() == other.penalties() == []
    yield one, other
    one.close()
    other.close()


def hammer(mode: str, path: Path) -> list[list[str]]:
    """The words of each line that the processes have said."""
    command = [sys.executable, "-m", "tests.unit.auth.state.hammering", mode, str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def test_one_knows_what_another_was_told(pair: tuple[SharedState, SharedState]) -> None:
    one, other = pair
    one.failed(HERE, 0, "tim", "old")
    other.failed(HERE, 0, "tim", "old")
    assert one.level(HERE) == 1, "the same password, by the same secret"
    other.failed(HERE, 1, "tim", "guess")
    assert one.level(HERE) == 2
    one.succeeded(HERE, "tom")
    assert other.knows(HERE, "tom")
    for _ in range(refusals.MOST_REFUSALS):
        one.refused("tim", of_others=True)
    assert other.too_many_refusals("tim", of_others=True)


@pytest.mark.slow
def test_two_processes_never_exceed_the_limit(path: Path) -> None:
    lines = hammer("contend", path)
    assert ["left"] in lines
    spans = [(float(line[0]), float(line[1])) for line in lines if line != ["left"]]
    assert len(spans) > TURNS / 4
    now, highest = 0, 0
    for _, step in sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans]):
        now += step
        highest = max(highest, now)
    assert highest == MOST


@pytest.mark.slow
def test_killed_while_they_write(path: Path) -> None:
    found = hammer("kill", path)
    assert [line[1] for line in found] == ["True"] * ROUNDS
    assert [line[0] for line in found].count("False") > ROUNDS / 2, "they did write"
    assert [int(line[2]) for line in found] == [min(number + 1, 4) for number in range(ROUNDS)]
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_what_one_process_is_told_another_knows_at_once(path: Path) -> None:
    assert hammer("tell", path) == [["1", "0", "False", "True"], ["False"]]


def test_most_logins_need_no_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, memory = clock_of(monkeypatch, "auth.state.shared"), StateMemory()
    state = SharedState(path, memory)
    state.failed(HERE, 0, "joe", "x")
    state.close()
    nowhere = SharedState(path / "nowhere", memory)
    for user in ("tim", "tim", "tom"):
        assert nowhere.level("198.51.100.1", user) == 0
        nowhere.succeeded("198.51.100.1", user)
        assert nowhere.knows("198.51.100.1", user)
        assert nowhere.enter(user, "198.51.100.1", 1)
        nowhere.leave(user, "198.51.100.1")
    for ask in (nowhere.level, lambda address: nowhere.succeeded(address, "joe")):
        with pytest.raises(StateLost):
            ask(HERE)
    clock.now += FORGOTTEN
    nowhere = SharedState(path / "nowhere", memory)
    assert nowhere.level(HERE) == 0
    nowhere.succeeded(HERE, "joe")


def test_what_has_lost_its_file_is_lost(path: Path) -> None:
    """Else a login that needs none would say that it is back."""
    state = SharedState(path / "folder" / "state", StateMemory())
    with pytest.raises(StateLost):
        state.failed(HERE, 0, "tim", "x")
    questions: list[Callable[[], object]] = [
        lambda: state.level(HERE),
        lambda: state.knows(HERE, "tim"),
        lambda: state.succeeded(HERE, "tim"),
        lambda: state.enter("tim", HERE, 1),
        lambda: state.leave("tim", HERE),
    ]
    for question in questions:
        with pytest.raises(StateLost):
            question()
    (path / "folder").mkdir(parents=True)
    for question in questions:
        question()
    state.close()


def test_a_network_with_the_hash_of_one_that_failed(pair: tuple[SharedState, SharedState]) -> None:
    one, other = pair
    other._memory.note_failure(HERE, time.monotonic())
    assert one.level(HERE) == 0
    one.succeeded(HERE, "tim")
    assert one.knows(HERE, "tim")


def test_somebody_else_writes_and_writes(path: Path, pair: tuple[SharedState, SharedState]) -> None:
    one, _ = pair
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert one.enter("tim", HERE, 2)
    with pytest.raises(StateLost, match="locked"):
        one.refused("tim", of_others=True)
    with pytest.raises(StateLost, match="locked"):
        one.failed(HERE, 0, "tim", "x")
    holder.execute("ROLLBACK")
    holder.close()
    one.failed(HERE, 0, "tim", "x")
    assert one.level(HERE) == 1
    assert [one.enter("tim", HERE, 2) for _ in range(2)] == [True, False]


def test_who_looks_does_not_wait_for_who_writes(path: Path, pair: tuple[SharedState, SharedState]) -> None:
    one, _ = pair
    one.failed(HERE, 0, "tim", "x")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    holder.execute("DELETE FROM failures")
    assert one.level(HERE) == 1
    assert not one.knows(HERE, "tim")
    assert not one.too_many_refusals("tim", of_others=True)
    holder.execute("COMMIT")
    holder.close()
    assert one.level(HERE) == 0


def test_a_file_that_was_deleted(path: Path, pair: tuple[SharedState, SharedState]) -> None:
    one, other = pair
    assert one.enter("tim", HERE, 1)
    one.failed(HERE, 0, "tim", "x")
    for file in path.parent.glob("state*"):
        file.unlink()
    assert other.level(HERE) == 0, "nobody remembers"
    other.failed(HERE, 0, "tim", "x")
    assert one.level(HERE) == 1, "both have the same file again"
    assert not other.enter("tim", HERE, 1)


def test_a_file_that_is_none(path: Path, pair: tuple[SharedState, SharedState]) -> None:
    one, other = pair
    one.close()
    other.close()
    path.write_bytes(b"\xa5" * path.stat().st_size)
    with pytest.raises(StateLost, match="not a database"):
        other.failed(HERE, 0, "tim", "x")
    other.failed(HERE, 0, "tim", "x")
    assert one.level(HERE) == 1, "a new one"


def test_pages_that_make_no_sense(path: Path, pair: tuple[SharedState, SharedState]) -> None:
    one, other = pair
    for number in range(200):
        one.failed(f"192.0.2.{number}", 0, "tim", "x")
    one.close()
    other.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))
    with pytest.raises(StateLost, match="malformed"):
        one.penalties()
    assert one.penalties() == []
    one.failed(HERE, 0, "tim", "x")
    assert other.level(HERE) == 1


def test_a_folder_that_is_gone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOOK_TIME", 0.0)
    state = SharedState(path.parent / "folder" / "state", StateMemory())
    with pytest.raises(StateLost, match="No such file"):
        state.failed(HERE, 0, "tim", "x")
    (path.parent / "folder").mkdir()
    state.failed(HERE, 0, "tim", "x")
    assert state.level(HERE) == 1
    state.close()


def test_no_room(tmp_path: Path) -> None:
    need_root()
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", folder], check=False).returncode:
        missing("no file system can be mounted")
    state = SharedState(folder / "state", StateMemory())
    try:
        state.failed(HERE, 0, "tim", "x")
        (folder / "filler").write_bytes(b"x")
        with pytest.raises(OSError, match="No space"), (folder / "filler").open("ab", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        with pytest.raises(StateLost, match=r"full|I/O"):
            for number in range(2000):
                state.failed(f"192.0.2.{number % 250}", 0, "tim" * 500, str(number))
        (folder / "filler").unlink()
        state.failed("192.0.2.251", 0, "tim", "x")
        assert state.level("192.0.2.251") == 1
    finally:
        state.close()
        subprocess.run(["umount", folder], check=True)


def test_nothing_piles_up(path: Path, pair: tuple[SharedState, SharedState], monkeypatch: pytest.MonkeyPatch) -> None:
    clock, (one, _) = clock_of(monkeypatch, "auth.state.shared"), pair

    def rows(table: str) -> int:
        connection = sqlite3.connect(path)
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        connection.close()
        return int(count)

    for number in range(20):
        one.failed(f"192.0.2.{number}", 0, "tim", "x")
        one.refused(f"tim{number}", of_others=False)
    clock.now += FORGOTTEN
    for number in range(20, 40):
        one.failed(f"192.0.2.{number}", 0, "tim", "x")
    assert rows("failures") == 20
    clock.now += refusals.FORGOTTEN
    for number in range(20, 40):
        one.refused(f"tim{number}", of_others=False)
    assert rows("refusals") == 20
    monkeypatch.setattr(refusals, "MAX_USERS", 5)
    for number in range(40, 80):
        one.refused(f"tim{number}", of_others=False)
    assert rows("refusals") == 5
