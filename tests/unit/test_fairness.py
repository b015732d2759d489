"""Resting by time: sockets are looked at, whoever works, and those that rest take turns."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import gevent
import pytest

from gsubmit.fairness import let_others_run


def work(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


class Worker:
    """Does pieces of work of a certain length, and rests after each."""

    def __init__(self, piece: float) -> None:
        self.piece = piece
        self.done = 0
        self.greenlet = gevent.spawn(self._run)

    def _run(self) -> None:
        while True:
            work(self.piece)
            self.done += 1
            let_others_run()


@pytest.fixture
def workers() -> Iterator[list[Worker]]:
    started: list[Worker] = []
    yield started
    gevent.killall([worker.greenlet for worker in started])


@pytest.mark.parametrize(("number", "piece"), [(1, 0.0001), (1, 0.004), (20, 0.0001), (20, 0.004)])
def test_sockets_are_looked_at_between_few_pieces(workers: list[Worker], number: int, piece: float) -> None:
    """Work is counted in pieces, not in seconds: a slow machine does fewer of them."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        echo = gevent.spawn(lambda: theirs.send(theirs.recv(1)))
        gevent.sleep(0)
        workers += [Worker(piece) for _ in range(number)]
        gevent.sleep(0.01)  # all of them have begun
        before = sum(worker.done for worker in workers)
        ours.send(b"x")
        assert ours.recv(1) == b"x"
        echo.join()
        # Two waits for sockets, each for what fits between two looks, and a piece more; sleep(0) would take 50 for each.
        assert sum(worker.done for worker in workers) - before <= 4 * (0.003 / piece + 1)


def test_who_rests_goes_on_in_turn(workers: list[Worker]) -> None:
    workers += [Worker(0.001) for _ in range(10)]
    while sum(worker.done for worker in workers) < 200:
        gevent.sleep(0.01)
    assert min(worker.done for worker in workers) >= 15


def test_work_of_others_since_the_last_look_counts() -> None:
    """Many that each work for less than a turn, one after the other, and none of them a second time."""
    rested: list[int] = []
    loop = gevent.get_hub().loop

    def briefly() -> None:
        let_others_run()
        work(0.002)
        before = loop.iteration
        let_others_run()
        rested.append(loop.iteration - before)

    gevent.joinall([gevent.spawn(briefly) for _ in range(10)])
    assert sum(rested) >= 5


def test_one_that_ends_while_it_rests_is_forgotten(workers: list[Worker]) -> None:
    workers += [Worker(0.002) for _ in range(5)]
    gevent.sleep(0.02)
    gevent.killall([worker.greenlet for worker in workers[:3]])
    before = [worker.done for worker in workers]
    gevent.sleep(0.05)
    assert [worker.done for worker in workers[:3]] == before[:3]
    assert all(worker.done > done for worker, done in zip(workers[3:], before[3:], strict=True))


def test_little_work_never_waits() -> None:
    loop = gevent.get_hub().loop
    gevent.sleep(0.001)
    before = loop.iteration
    let_others_run()
    let_others_run()
    assert loop.iteration == before
