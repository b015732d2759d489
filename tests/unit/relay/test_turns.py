"""So many at a time, the others in the order in which they came."""

from __future__ import annotations

import random
import time

import gevent
import pytest

from gsubmit.net.turns import Turns, TurnsByKey


def test_no_limit() -> None:
    turns = Turns(0)
    assert all(turns.take(0) for _ in range(1000))
    assert turns.busy == 1000
    for _ in range(1000):
        turns.give_back()
    assert turns.busy == 0


def test_limit() -> None:
    turns = Turns(2)
    assert turns.take(0) and turns.take(0)
    assert not turns.take(0.01)
    turns.give_back()
    assert turns.take(0)
    assert turns.busy == 2


def test_order() -> None:
    turns = Turns(1)
    turns.take(0)
    served: list[int] = []

    def wait(number: int) -> None:
        assert turns.take(5)
        served.append(number)
        gevent.sleep(0.001)
        turns.give_back()

    waiting = [gevent.spawn(wait, number) for number in range(20)]
    gevent.sleep(0)
    turns.give_back()
    gevent.joinall(waiting, timeout=5, raise_error=True)
    assert served == list(range(20))
    assert turns.busy == 0


def test_nobody_overtakes() -> None:
    """A turn that was given back belongs to the one who waits, although he has not run yet."""
    turns = Turns(1)
    turns.take(0)
    waiting = gevent.spawn(turns.take, 5)
    gevent.sleep(0)
    turns.give_back()
    assert not turns.take(0)
    assert waiting.get(timeout=5)
    assert turns.busy == 1


def test_timeout() -> None:
    turns = Turns(1)
    turns.take(0)
    began = time.monotonic()
    assert not turns.take(0.05)
    assert 0.04 < time.monotonic() - began < 2
    turns.give_back()
    assert turns.busy == 0
    assert turns.take(0)


def test_one_who_gave_up_is_passed_over() -> None:
    turns = Turns(1)
    turns.take(0)
    impatient, patient = gevent.spawn(turns.take, 0.01), gevent.spawn(turns.take, 5)
    assert not impatient.get(timeout=5)
    turns.give_back()
    assert patient.get(timeout=5)
    assert turns.busy == 1


@pytest.mark.parametrize("late", [0.0, 0.001, 0.002], ids=str)
def test_a_turn_at_the_moment_of_the_timeout(late: float) -> None:
    """Whatever comes first: a turn is never lost and never doubled."""
    for _ in range(50):
        turns = Turns(1)
        turns.take(0)
        waiting = gevent.spawn(turns.take, 0.001)
        gevent.sleep(late)
        turns.give_back()
        if waiting.get(timeout=5):
            assert turns.busy == 1
            turns.give_back()
        assert turns.busy == 0
        assert turns.take(0)


def test_a_turn_while_the_timeout_is_on_its_way() -> None:
    """Set in the same round of the hub in which the timeout ends: the turn is taken."""
    turns = Turns(1)
    turns.take(0)
    waiting = gevent.spawn(turns.take, 0.01)
    gevent.sleep(0)
    end = time.monotonic() + 0.02
    while time.monotonic() < end:
        pass  # the hub does not run, so the timeout is due but not told
    turns.give_back()
    won = waiting.get(timeout=5)
    assert turns.busy == int(won)


def test_one_who_is_killed_leaves_the_queue() -> None:
    """As a session is when the server stops: his turn goes to the next one."""
    turns = Turns(1)
    turns.take(0)
    killed, patient = gevent.spawn(turns.take, 5), gevent.spawn(turns.take, 1)
    gevent.sleep(0)
    killed.kill()
    turns.give_back()
    assert patient.get(timeout=5)
    turns.give_back()
    assert turns.busy == 0


def test_many_at_random() -> None:
    turns = Turns(3)
    chance = random.Random(3)
    most = 0

    def use() -> None:
        nonlocal most
        if turns.take(chance.random() / 50):
            most = max(most, turns.busy)
            gevent.sleep(chance.random() / 100)
            turns.give_back()

    gevent.joinall([gevent.spawn(use) for _ in range(300)], timeout=20, raise_error=True)
    assert most == 3
    assert turns.busy == 0


def test_each_key_has_its_own() -> None:
    turns = TurnsByKey()
    with turns.turn("a", 1, 0) as first, turns.turn("a", 1, 0.01) as second, turns.turn("b", 1, 0) as other:
        assert (first, second, other, len(turns)) == (True, False, True, 2)
    assert len(turns) == 0


def test_one_who_is_killed_leaves_nothing_of_a_key() -> None:
    turns = TurnsByKey()

    def use() -> None:
        with turns.turn("a", 1, 5):
            gevent.sleep(5)

    users = [gevent.spawn(use) for _ in range(3)]
    gevent.sleep(0)
    gevent.killall(users)
    assert len(turns) == 0
