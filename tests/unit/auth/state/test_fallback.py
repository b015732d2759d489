"""A state that goes away and comes back: nobody notices but the log."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

import gevent
import pytest

from gsubmit.auth.loginstate import StateLost
from gsubmit.auth.state.fallback import LONGEST_PAUSE, StateWithFallback
from gsubmit.auth.state.local import LocalState
from gsubmit.auth.state.memory import StateMemory
from gsubmit.auth.state.shared import SharedState
from tests.harness.clock import Clock, clock_of
from tests.unit.auth.state.states import HERE, Away


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return clock_of(monkeypatch, "auth.state.fallback")


@pytest.fixture
def away() -> Away:
    return Away(LocalState(), is_away=False)


@pytest.fixture
def local() -> LocalState:
    return LocalState()


@pytest.fixture
def state(clock: Clock, away: Away, local: LocalState) -> StateWithFallback:
    return StateWithFallback(away, "submission_state redis://there", local)


def test_told_once_when_it_goes_and_once_when_it_is_back(
    state: StateWithFallback, away: Away, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gsubmit")
    state.failed(HERE, 0, "tim", "x")
    away.is_away = True
    for _ in range(3):
        assert state.level(HERE) == 0, "here nobody has failed"
        clock.now += 1
    away.is_away = False
    clock.now += LONGEST_PAUSE
    assert state.level(HERE) == 1
    assert state.level(HERE) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "submission_state redis://there does not answer, and logins are counted here meanwhile: gone fishing",
        "submission_state redis://there is back",
    ]


def test_told_once_by_all_workers(clock: Clock, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.INFO, "gsubmit")
    away = Away(LocalState(), is_away=False)
    files = [SharedState(tmp_path / "state", StateMemory()) for _ in range(3)]
    workers = [StateWithFallback(away, "it", LocalState(), file) for file in files]

    def said() -> list[str]:
        caplog.clear()
        for worker in workers:
            worker.level(HERE)
        return [record.getMessage() for record in caplog.records]

    for _ in range(2):
        away.is_away = True
        assert said() == ["it does not answer, and logins are counted here meanwhile: gone fishing"]
        clock.now += 1.5
        assert said() == []
        clock.now += LONGEST_PAUSE
        away.is_away = False
        assert said() == ["it is back"]
    for file in files:
        file.close()


def test_who_has_said_it_and_is_gone_has_not(tmp_path: Path) -> None:
    one, other = (SharedState(tmp_path / "state", StateMemory()) for _ in range(2))
    with subprocess.Popen(["sleep", "60"]) as process:
        one._pid = process.pid
        assert one.notes_loss("it")
        assert not other.notes_loss("it")
        assert other.notes_loss("something else")
        process.kill()
    assert other.notes_loss("it")
    assert not one.notes_loss("it")
    assert one.notes_return("it")
    assert not other.notes_return("it")
    for state in (one, other):
        state.close()


def test_tried_again_by_one_after_a_growing_while(state: StateWithFallback, away: Away, clock: Clock) -> None:
    away.is_away = True
    tries = []
    for tenth in range(500):
        before = away.asked
        for _ in range(3):
            state.knows(HERE, "tim")
        if away.asked > before:
            assert away.asked == before + 1
            tries.append(tenth / 10)
        clock.now += 0.1
    assert tries == pytest.approx([0, 1, 3, 7, 15, 25, 35, 45], abs=0.5)


def test_those_that_had_asked_already_do_not_make_the_while_longer(clock: Clock, local: LocalState) -> None:
    class Slow:
        def level(self, address: str, user: str = "") -> int:
            gevent.sleep(0.01)
            raise StateLost("slow")

    state = StateWithFallback(Slow(), "it", local)  # type: ignore[arg-type]
    gevent.joinall([gevent.spawn(state.level, HERE) for _ in range(20)])
    clock.now += 1.1
    waiting = [gevent.spawn(state.level, HERE) for _ in range(20)]
    gevent.sleep(0)
    assert sum(not greenlet.ready() for greenlet in waiting) == 1, "one finds out, the others do not wait"
    gevent.joinall(waiting)


def test_connections_end_where_they_were_counted(
    state: StateWithFallback, away: Away, local: LocalState, clock: Clock
) -> None:
    there = away.state
    assert isinstance(there, LocalState)
    assert state.enter("tim", HERE, 2)
    away.is_away = True
    assert [state.enter("tim", HERE, 2) for _ in range(3)] == [True, True, False]
    assert local.connections.total() == 2
    away.is_away = False
    clock.now += LONGEST_PAUSE
    assert state.enter("tim", HERE, 2)
    assert there.connections.total() == 2
    for _ in range(2):
        state.leave("tim", HERE)
    assert (there.connections.total(), local.connections.total()) == (2, 0)
    for _ in range(2):
        state.leave("tim", HERE)
    assert there.connections.total() == 0


def test_what_has_ended_meanwhile_is_told_later(
    state: StateWithFallback, away: Away, local: LocalState, clock: Clock
) -> None:
    there = away.state
    assert isinstance(there, LocalState)
    for user in ("tim", "tim", "tom", "joe"):
        assert state.enter(user, HERE, 2)
    away.is_away = True
    for user in ("tim", "tim", "tom"):
        state.leave(user, HERE)
    assert local.connections.total() == 0
    assert [state.enter("tim", HERE, 2) for _ in range(3)] == [True, True, False]
    assert there.connections.total() == 4
    away.is_away = False
    clock.now += LONGEST_PAUSE
    assert state.level(HERE) == 0
    assert there.connections.total() + local.connections.total() == 3
    for user in ("tim", "tim", "joe"):
        state.leave(user, HERE)
    assert there.connections.total() + local.connections.total() == 0


def test_away_again_before_it_was_told(state: StateWithFallback, away: Away, clock: Clock) -> None:
    there = away.state
    assert isinstance(there, LocalState)
    assert state.enter("tim", HERE, 1)
    away.is_away = True
    state.leave("tim", HERE)
    away.is_away = False
    clock.now += LONGEST_PAUSE
    away.answers = 1
    assert state.level(HERE) == 0
    assert there.connections.total() == 1
    away.is_away = False
    clock.now += LONGEST_PAUSE
    assert state.level(HERE) == 0
    assert there.connections.total() == 0


def test_what_is_forgotten_is_forgotten_in_both(
    state: StateWithFallback, away: Away, local: LocalState, clock: Clock
) -> None:
    state.failed(HERE, 0, "tim", "x")
    away.is_away = True
    state.failed(HERE, 0, "tim", "x")
    away.is_away = False
    clock.now += LONGEST_PAUSE
    state.clear_penalty("")
    assert state.level(HERE) == local.level(HERE) == 0
