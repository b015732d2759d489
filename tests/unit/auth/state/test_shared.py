"""The state in a file: of several processes, and when something happens to one of them or to the file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gsubmit.auth import penalty, refusals
from gsubmit.auth.loginstate import StateLost
from gsubmit.auth.penalty import FORGOTTEN
from gsubmit.auth.state import database
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
    one, other = SharedState(path), SharedState(path)
    assert one.level(HERE) == other.level(HERE) == 0
    yield one, other
    one.close()
    other.close()


def hammer(mode: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.unit.auth.state.hammering", mode, str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


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
    processes = [hammer("contend", path) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    spans = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        spans += [(float(begin), float(end)) for begin, end in map(str.split, output.splitlines())]
    assert len(spans) > TURNS / 4
    now, highest = 0, 0
    for _, step in sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans]):
        now += step
        highest = max(highest, now)
    assert highest == MOST
    state = SharedState(path)
    assert state.connections == 0
    state.close()


@pytest.mark.slow
def test_killed_while_they_write(path: Path) -> None:
    process = hammer("kill", path)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    found = [line.split() for line in output.splitlines()]
    assert [line[1:] for line in found] == [[str(number), "True"] for number in range(ROUNDS)]
    assert sum(int(line[0]) for line in found) > 2 * ROUNDS**2 / 2, "they did write"
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_process_that_is_gone(pair: tuple[SharedState, SharedState]) -> None:
    one, other = pair
    with subprocess.Popen(["sleep", "60"]) as process:
        other._pid = process.pid
        for user in ("tim", "tim", "tom"):
            assert other.enter(user, HERE, 2)
        assert not one.enter("tim", HERE, 2)
        process.kill()
    assert one.connections == 3
    assert [one.enter("tim", HERE, 2) for _ in range(3)] == [True, True, False]
    assert one.connections == 2, "those of all users are gone"
    other.leave("tim", HERE)
    assert one.connections == 2


def test_somebody_else_writes_and_writes(path: Path, pair: tuple[SharedState, SharedState]) -> None:
    one, _ = pair
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateLost, match="locked"):
        one.enter("tim", HERE, 1)
    with pytest.raises(StateLost, match="locked"):
        one.failed(HERE, 0, "tim", "x")
    holder.execute("ROLLBACK")
    holder.close()
    assert one.enter("tim", HERE, 1)


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
    for file in path.parent.glob("state*"):
        file.unlink()
    assert other.enter("tim", HERE, 1), "nobody remembers"
    assert not one.enter("tim", HERE, 1), "both have the same file again"


def test_a_file_that_is_none(path: Path, pair: tuple[SharedState, SharedState]) -> None:
    one, other = pair
    one.close()
    other.close()
    path.write_bytes(b"\xa5" * path.stat().st_size)
    with pytest.raises(StateLost, match="not a database"):
        other.level(HERE)
    assert other.enter("tim", HERE, 1), "a new one"
    assert not one.enter("tim", HERE, 1)


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
    assert one.enter("tim", HERE, 1)


def test_a_folder_that_is_gone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOOK_TIME", 0.0)
    state = SharedState(path.parent / "folder" / "state")
    with pytest.raises(StateLost, match="No such file"):
        state.enter("tim", HERE, 1)
    (path.parent / "folder").mkdir()
    assert state.enter("tim", HERE, 1)
    state.close()


def test_no_room(tmp_path: Path) -> None:
    need_root()
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", folder], check=False).returncode:
        missing("no file system can be mounted")
    state = SharedState(folder / "state")
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


def test_the_known_are_bounded(
    path: Path, pair: tuple[SharedState, SharedState], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who logs in all the time stays, and does not push out the others."""
    monkeypatch.setattr(penalty, "MAX_KNOWN", 10)
    one, _ = pair
    for number in range(100):
        one.succeeded(HERE, f"user{number}")
        one.succeeded(HERE, "always")
    known = [number for number in range(100) if one.knows(HERE, f"user{number}")]
    assert one.knows(HERE, "always")
    assert known == list(range(100 - len(known), 100))
    assert 7 <= len(known) < 10


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
