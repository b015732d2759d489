"""When the server calls itself healthy."""

from __future__ import annotations

from gsubmit.metrics.board import Board
from gsubmit.metrics.current import Buckets
from gsubmit.metrics.figures import RELAY_FAILURES, RELAY_LATENCY
from gsubmit.watch.health import PATIENCE, PROBE_AFTER, SILENCE, Health
from tests.unit.watch.boards import Clock, board, clock, count

__all__ = ["board", "clock"]


def fail() -> None:
    count(RELAY_FAILURES)


def succeed() -> None:
    Buckets(RELAY_LATENCY, "connect").observe(0.01)


def later(clock: Clock, board: Board, seconds: float) -> None:
    clock.now += seconds
    for number in board.workers:
        board.row(number)[1] = clock.now  # it has said that it lives


def test_a_server_that_nobody_uses_is_healthy(board: Board, clock: Clock) -> None:
    judge = Health(board)
    later(clock, board, 10000)
    assert judge.fault() == ""


def test_failures_for_a_minute_are_a_fault(board: Board, clock: Clock) -> None:
    judge = Health(board)
    later(clock, board, 0)
    for _ in range(3):
        fail()
        assert judge.fault() == ""
        later(clock, board, PATIENCE / 3)
    assert judge.fault() == f"the relay could not be reached for {PATIENCE:.0f} seconds"
    assert judge.failing_for == PATIENCE


def test_one_success_ends_it(board: Board, clock: Clock) -> None:
    judge = Health(board)
    later(clock, board, 0)
    fail()
    judge.look()
    later(clock, board, PATIENCE)
    assert judge.fault()
    succeed()
    fail()
    assert judge.fault() == ""
    assert judge.failing_for == 0
    fail()
    judge.look()
    later(clock, board, PATIENCE - 1)
    assert judge.fault() == ""


def test_a_silent_relay_is_probed_now_and_then(board: Board, clock: Clock) -> None:
    probes: list[float] = []
    judge = Health(board, lambda: probes.append(clock.now))
    began = clock.now
    for _ in range(20):
        later(clock, board, PROBE_AFTER / 4)
        judge.fault()
    assert probes == [began + PROBE_AFTER * number for number in range(1, 6)]


def test_a_relay_that_is_heard_is_not_probed(board: Board, clock: Clock) -> None:
    judge = Health(board, lambda: (_ for _ in ()).throw(AssertionError))
    for _ in range(20):
        later(clock, board, PROBE_AFTER / 4)
        succeed()
        judge.fault()


def test_a_relay_that_is_down_while_nobody_sends_is_found(board: Board, clock: Clock) -> None:
    judge = Health(board, fail)
    faults = []
    for _ in range(20):
        later(clock, board, 10)
        faults.append(judge.fault())
    assert faults[:9] == [""] * 9 and faults[-1].startswith("the relay could not be reached for 1")


def test_one_worker_that_lives_is_enough(board: Board, clock: Clock) -> None:
    judge = Health(board)
    later(clock, board, 0)
    clock.now += SILENCE
    assert judge.fault() == "no worker accepts clients"
    board.row(1)[1] = clock.now
    assert judge.fault() == ""
    board.clear_gauges(0)
    assert judge.fault() == ""
    board.clear_gauges(1)
    assert judge.fault() == "no worker accepts clients"


def test_what_was_counted_before_is_no_news(board: Board, clock: Clock) -> None:
    fail()
    judge = Health(board)
    judge.look()
    later(clock, board, PATIENCE)
    assert (judge.fault(), judge.failing_for) == ("", 0)
