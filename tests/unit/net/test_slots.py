"""So many at a time, the others in the order in which they came."""

from __future__ import annotations

import random
import time

import gevent
import pytest

from gsubmit.net.slots import Slots, SlotsByKey


def test_no_limit() -> None:
    slots = Slots(0)
    assert all(slots.take(0) for _ in range(1000))
    assert slots.busy == 1000
    for _ in range(1000):
        slots.give_back()
    assert slots.busy == 0


def test_limit() -> None:
    slots = Slots(2)
    assert slots.take(0) and slots.take(0)
    assert not slots.take(0.01)
    slots.give_back()
    assert slots.take(0)
    assert slots.busy == 2


def test_order() -> None:
    slots = Slots(1)
    slots.take(0)
    served: list[int] = []

    def wait(number: int) -> None:
        assert slots.take(5)
        served.append(number)
        gevent.sleep(0.001)
        slots.give_back()

    waiting = [gevent.spawn(wait, number) for number in range(20)]
    gevent.sleep(0)
    slots.give_back()
    gevent.joinall(waiting, timeout=5, raise_error=True)
    assert served == list(range(20))
    assert slots.busy == 0


def test_nobody_overtakes() -> None:
    """A slot that was given back belongs to the one who waits, although he has not run yet."""
    slots = Slots(1)
    slots.take(0)
    waiting = gevent.spawn(slots.take, 5)
    gevent.sleep(0)
    slots.give_back()
    assert not slots.take(0)
    assert waiting.get(timeout=5)
    assert slots.busy == 1


def test_timeout() -> None:
    slots = Slots(1)
    slots.take(0)
    began = time.monotonic()
    assert not slots.take(0.05)
    assert 0.04 < time.monotonic() - began < 2
    slots.give_back()
    assert slots.busy == 0
    assert slots.take(0)


def test_one_who_gave_up_is_passed_over() -> None:
    slots = Slots(1)
    slots.take(0)
    impatient, patient = gevent.spawn(slots.take, 0.01), gevent.spawn(slots.take, 5)
    assert not impatient.get(timeout=5)
    slots.give_back()
    assert patient.get(timeout=5)
    assert slots.busy == 1


@pytest.mark.parametrize("late", [0.0, 0.001, 0.002], ids=str)
def test_a_slot_at_the_moment_of_the_timeout(late: float) -> None:
    """Whatever comes first: a slot is never lost and never doubled."""
    for _ in range(50):
        slots = Slots(1)
        slots.take(0)
        waiting = gevent.spawn(slots.take, 0.001)
        gevent.sleep(late)
        slots.give_back()
        if waiting.get(timeout=5):
            assert slots.busy == 1
            slots.give_back()
        assert slots.busy == 0
        assert slots.take(0)


def test_a_slot_while_the_timeout_is_on_its_way() -> None:
    """Set in the same round of the hub in which the timeout ends: the slot is taken."""
    slots = Slots(1)
    slots.take(0)
    waiting = gevent.spawn(slots.take, 0.01)
    gevent.sleep(0)
    end = time.monotonic() + 0.02
    while time.monotonic() < end:
        pass  # the hub does not run, so the timeout is due but not told
    slots.give_back()
    won = waiting.get(timeout=5)
    assert slots.busy == int(won)


def test_one_who_is_killed_leaves_the_queue() -> None:
    """As a session is when the server stops: his slot goes to the next one."""
    slots = Slots(1)
    slots.take(0)
    killed, patient = gevent.spawn(slots.take, 5), gevent.spawn(slots.take, 1)
    gevent.sleep(0)
    killed.kill()
    slots.give_back()
    assert patient.get(timeout=5)
    slots.give_back()
    assert slots.busy == 0


def test_many_at_random() -> None:
    slots = Slots(3)
    chance = random.Random(3)
    most = 0

    def use() -> None:
        nonlocal most
        if slots.take(chance.random() / 50):
            most = max(most, slots.busy)
            gevent.sleep(chance.random() / 100)
            slots.give_back()

    gevent.joinall([gevent.spawn(use) for _ in range(300)], timeout=20, raise_error=True)
    assert most == 3
    assert slots.busy == 0


def test_each_key_has_its_own() -> None:
    slots = SlotsByKey()
    with slots.slot("a", 1, 0) as first, slots.slot("a", 1, 0.01) as second, slots.slot("b", 1, 0) as other:
        assert (first, second, other, len(slots)) == (True, False, True, 2)
    assert len(slots) == 0


def test_one_who_is_killed_leaves_nothing_of_a_key() -> None:
    slots = SlotsByKey()

    def use() -> None:
        with slots.slot("a", 1, 5):
            gevent.sleep(5)

    users = [gevent.spawn(use) for _ in range(3)]
    gevent.sleep(0)
    assert (slots.crowd("a"), slots.crowd("b")) == (3, 0)
    gevent.killall(users)
    assert (len(slots), slots.crowd("a")) == (0, 0)
