"""Slots that processes have together: as many as there may be, and free again however a process ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread

import pytest

from gsubmit.net.sharedslots import SlotFile
from gsubmit.net.slots import Slots
from tests.harness.peer_process import eventually

Other = Callable[..., int]


def of(file: SlotFile, kind: str = "relay", limit: int = 3) -> Slots:
    return file.slots(kind, limit, processes=2)


@pytest.fixture
def file() -> SlotFile:
    return SlotFile()


@pytest.fixture
def other(file: SlotFile) -> Iterator[Other]:
    """Another process that does something with three slots and then stays; its process id."""
    children = []

    def other(work: Callable[[Slots], object], *, at_once: bool = False) -> int:
        out, back = os.pipe()
        child = os.fork()
        if child == 0:
            if at_once:
                os.write(back, b".")
            work(of(file))
            if not at_once:
                os.write(back, b".")
            time.sleep(30)
            os._exit(0)
        children.append(child)
        os.close(back)
        assert os.read(out, 1) == b"."
        os.close(out)
        return child

    yield other
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def take_all(slots: Slots) -> int:
    """How many can be had without waiting."""
    taken = 0
    while slots.take(0):
        taken += 1
    return taken


def waiting(slots: Slots) -> Callable[[], bool]:
    """Somebody waits for one; whether he has it."""
    had: list[bool] = []
    Thread(target=lambda: had.append(slots.take(30))).start()
    eventually("waiting", lambda: slots.waiting)
    return lambda: had == [True]


def test_no_limit(file: SlotFile) -> None:
    slots = of(file, limit=0)
    assert all(slots.take(0) for _ in range(1000))


def test_one_process_has_no_more_than_there_are(file: SlotFile) -> None:
    slots = of(file)
    assert take_all(slots) == 3
    slots.give_back()
    assert take_all(slots) == 1


def test_two_processes_have_no_more_than_there_are(file: SlotFile, other: Other) -> None:
    other(lambda theirs: theirs.take(0) and theirs.take(0))
    assert take_all(of(file)) == 1
    assert take_all(of(file, "imap")) == 3


def test_a_lower_limit_beside_a_higher_one(file: SlotFile, other: Other) -> None:
    """Those of a reload may have fewer while the old ones still have what they had."""
    other(take_all)
    assert take_all(of(file, limit=2)) == 0
    assert take_all(of(file, limit=4)) == 1


def test_what_a_killed_process_had_is_free(file: SlotFile, other: Other) -> None:
    slots, child = of(file), other(take_all)
    assert take_all(slots) == 0
    has_it = waiting(slots)
    os.kill(child, signal.SIGKILL)
    eventually("a slot", has_it)


def test_what_is_not_needed_is_given_up(file: SlotFile, other: Other) -> None:
    slots = of(file)
    fewer: list[float] = []
    slots.when_fewer = lambda: fewer.append(slots.limit)
    take_all(slots)
    for _ in range(2):
        slots.give_back()
    assert slots.give_way()
    assert slots.limit == 3  # nobody wants them

    other(lambda theirs: theirs.take(30), at_once=True)
    eventually("somebody wants one", lambda: slots.give_way() and slots.limit < 3)
    assert fewer == [2]
    time.sleep(1)  # it gets it
    assert take_all(slots) == 1


def test_what_is_more_than_its_share_is_given_up_although_it_is_needed(file: SlotFile, other: Other) -> None:
    slots = of(file)
    take_all(slots)
    has_it = waiting(slots)
    other(lambda theirs: theirs.take(30), at_once=True)
    time.sleep(0.2)  # it waits
    slots.give_back()
    assert (slots.limit, slots.busy, has_it()) == (2, 2, False)
    time.sleep(0.2)  # it has it, and wants no more
    slots.give_back()
    eventually("ours", has_it)
    assert slots.limit == 2
