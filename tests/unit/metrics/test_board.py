"""The figures' memory: cells that do not overlap, rows that add up, writers that die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from gsubmit.metrics import current
from gsubmit.metrics.board import HEARTBEAT, MAX_ROWS, PID, Board
from gsubmit.metrics.current import Buckets
from gsubmit.metrics.figures import CONNECTIONS, LAYOUT, MECHANISMS, MESSAGES, OPEN_CONNECTIONS, RELAY_LATENCY
from gsubmit.metrics.layout import Layout
from gsubmit.sasl.mechanisms import MECHANISMS as SASL_MECHANISMS

ACCEPTED = MESSAGES.at("accepted")
OPEN = OPEN_CONNECTIONS.at()


@pytest.fixture(autouse=True)
def own_row() -> Iterator[None]:
    before = current.row
    yield
    current.row = before


def forked(child: Callable[[], None]) -> int:
    """The pid of a process that does this and ends."""
    pid = os.fork()
    if not pid:
        try:
            child()
        finally:
            os._exit(0)
    return pid


# Layout


def test_no_two_figures_share_a_cell() -> None:
    taken = [PID, HEARTBEAT]
    for figure in LAYOUT.figures:
        width = len(figure.bounds) + 2 if figure.kind == "histogram" else 1
        for first in figure.cells.values():
            taken += range(first, first + width)
    assert len(taken) == len(set(taken)) == max(taken) + 1 <= LAYOUT.size


def test_every_combination_of_labels_has_a_cell() -> None:
    figure = Layout().counter("x_total", "", mechanism=("PLAIN", "LOGIN"), result=("ok", "failed"))
    assert figure.labels == ("mechanism", "result")
    assert len(set(figure.cells.values())) == 4
    with pytest.raises(KeyError):
        figure.at("PLAIN", "unknown")


def test_rows_share_no_cache_line() -> None:
    assert LAYOUT.size % 8 == 0


def test_mechanisms_are_those_of_sasl() -> None:
    assert set(MECHANISMS) == set(SASL_MECHANISMS)


# One process


@pytest.mark.parametrize(
    ("value", "bucket"),
    [
        pytest.param(0.0, 0, id="nothing"),
        pytest.param(RELAY_LATENCY.bounds[0], 0, id="a bound belongs to its bucket"),
        pytest.param(RELAY_LATENCY.bounds[0] * 1.01, 1, id="above a bound"),
        pytest.param(1e9, len(RELAY_LATENCY.bounds), id="above all"),
    ],
)
def test_a_value_is_counted_in_its_bucket(value: float, bucket: int) -> None:
    board = Board(1)
    board.take(0)
    Buckets(RELAY_LATENCY, "message").observe(value)
    first, width = RELAY_LATENCY.at("message"), len(RELAY_LATENCY.bounds) + 1
    counts = [board.total(first + number) for number in range(width)]
    assert counts == [number == bucket for number in range(width)]
    assert board.total(first + width) == value


def test_without_a_board_a_process_counts_for_itself() -> None:
    before = current.row[ACCEPTED]
    current.row[ACCEPTED] += 1
    assert current.row[ACCEPTED] == before + 1


@pytest.mark.parametrize("rows", [0, MAX_ROWS + 1])
def test_no_board_of_that_many_rows(rows: int) -> None:
    with pytest.raises(ValueError, match=f"{rows} rows"):
        Board(rows)


@pytest.mark.parametrize("number", [-1, 2])
def test_no_row_of_that_number(number: int) -> None:
    with pytest.raises(IndexError):
        Board(2).take(number)


# Several


def test_processes_count_into_one_board() -> None:
    board = Board()

    def work(number: int) -> None:
        board.take(number)
        current.row[ACCEPTED] += 20
        current.row[OPEN] = 2

    board.take(MAX_ROWS - 1)
    current.row[ACCEPTED] += 1
    current.row[OPEN] = 1
    for number in (0, 1):
        os.waitpid(forked(partial(work, number)), 0)
    assert board.total(ACCEPTED) == 41
    assert board.total(OPEN) == 5
    assert sorted(board.workers) == [0, 1, MAX_ROWS - 1]
    assert board.workers[MAX_ROWS - 1] == os.getpid()


def test_a_killed_writer_leaves_its_counts_and_no_gauges() -> None:
    board = Board(2)
    board.take(0)

    def work() -> None:
        board.take(1)
        current.row[OPEN] = 3
        current.row[CONNECTIONS.at("accepted")] = 7
        while True:
            current.row[ACCEPTED] += 1

    pid = forked(work)
    while board.total(ACCEPTED) < 1000:
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    counted = board.total(ACCEPTED)
    assert counted == int(counted) >= 1000
    assert board.workers[1] == pid
    board.clear_gauges(1)
    assert (board.total(OPEN), board.total(CONNECTIONS.at("accepted")), board.total(ACCEPTED)) == (0, 7, counted)
    assert sorted(board.workers) == [0]
    os.waitpid(forked(lambda: board.take(1)), 0)  # the next of that number goes on
    assert board.total(ACCEPTED) == counted
    assert sorted(board.workers) == [0, 1]


def test_a_process_says_that_it_lives() -> None:
    board = Board(2)
    before = time.monotonic()
    board.take(1)
    assert board.last_beat(0) == 0
    assert before <= board.last_beat(1) <= time.monotonic()
