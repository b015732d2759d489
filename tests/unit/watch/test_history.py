"""Figures over the last hour, and quantiles of them."""

from __future__ import annotations

import pytest

from gsubmit.metrics.board import Board
from gsubmit.metrics.current import Buckets
from gsubmit.metrics.figures import MESSAGES, RELAY_LATENCY
from gsubmit.watch.history import EVERY, STEPS, History, quantile
from tests.unit.watch.boards import Clock, board, clock, count

__all__ = ["board", "clock"]


def test_a_minute_has_what_was_counted_in_it(board: Board, clock: Clock) -> None:
    history = History(board)
    for number in range(18):  # three minutes
        count(MESSAGES, "accepted", by=number // 6 + 1)
        clock.now += EVERY
        history.sample()
    steps = history.steps()
    assert len(steps) == STEPS
    assert [step and step.of(MESSAGES, "accepted") for step in steps[-4:]] == [None, 6, 12, 18]
    assert steps[:-3] == [None] * (STEPS - 3)


def test_an_hour_is_kept(board: Board, clock: Clock) -> None:
    history = History(board)
    for _ in range(1000):
        clock.now += EVERY + 0.02  # sleep is never exact
        count(MESSAGES, "accepted")
        history.sample()
    assert 3600 <= history.last.moment - history.first.moment < 3620
    minutes = [step.of(MESSAGES, "accepted") for step in history.steps() if step is not None]
    assert len(minutes) == STEPS and set(minutes) <= {5, 6, 7}
    assert (history.now() - history.first).of(MESSAGES, "accepted") == 360


def test_the_next_process_finds_it(board: Board, clock: Clock) -> None:
    for number in range(3):
        history = History(board)
        count(MESSAGES, "accepted", by=number)
        clock.now += 60
        history.sample()
    assert [step and step.of(MESSAGES, "accepted") for step in History(board).steps()[-4:]] == [None, 0, 1, 2]


def test_what_is_older_than_an_hour_is_not_of_it(board: Board, clock: Clock) -> None:
    """The process was away for some time, or the machine has slept."""
    history = History(board)
    for seconds in (10, 4000, 10):
        clock.now += seconds
        count(MESSAGES, "accepted")
        history.sample()
    assert (history.last.moment - history.first.moment, len(board.past)) == (10, 4)


def test_a_pause_is_no_rate(board: Board, clock: Clock) -> None:
    """Time in which the machine slept is shown as time, and nothing is counted in it."""
    history = History(board)
    clock.now += EVERY
    history.sample()
    clock.now += 600
    count(MESSAGES, "accepted")
    history.sample()
    assert [step and step.of(MESSAGES, "accepted") for step in history.steps()[-11:]] == [None] + [0] * 9 + [1]


def test_all_workers_are_counted(board: Board, clock: Clock) -> None:
    history = History(board)
    board.take(0)
    count(MESSAGES, "accepted")
    board.take(1)
    count(MESSAGES, "accepted", by=2)
    assert history.now().of(MESSAGES, "accepted") == 3


@pytest.mark.parametrize(
    ("counts", "share", "value"),
    [
        pytest.param([0, 0, 0, 0], 0.5, None, id="nothing"),
        pytest.param([4, 0, 0, 0], 0.5, 0.5, id="within the first"),
        pytest.param([1, 2, 1, 0], 0.5, 1.5, id="in the middle"),
        pytest.param([1, 2, 1, 0], 1.0, 4.0, id="the most"),
        pytest.param([0, 0, 0, 3], 0.5, 4.0, id="beyond the last bound"),
    ],
)
def test_quantile(counts: list[float], share: float, value: float | None) -> None:
    assert quantile((1.0, 2.0, 4.0), counts, share) == value


def test_buckets_of_a_sample(board: Board, clock: Clock) -> None:
    history = History(board)
    Buckets(RELAY_LATENCY, "message").observe(0.003)
    buckets = history.now().buckets(RELAY_LATENCY, "message")
    assert (len(buckets), sum(buckets), buckets[3]) == (len(RELAY_LATENCY.bounds) + 1, 1, 1)
