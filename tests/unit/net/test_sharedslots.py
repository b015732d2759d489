"""Slots that processes have together: as many as there may be, and free again however a process ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from gsubmit.app.forking import fork
from gsubmit.net.sharedslots import SharedSlots, SlotFile

Other = Callable[[Callable[[SharedSlots], object]], int]


def no_room() -> bool:
    return False


@pytest.fixture
def file() -> SlotFile:
    return SlotFile()


@pytest.fixture
def other(file: SlotFile) -> Iterator[Other]:
    """Another process that does something with three slots and then stays; its process id."""
    children = []

    def other(work: Callable[[SharedSlots], object]) -> int:
        out, back = os.pipe()

        def live() -> int:
            slots = file.slots("relay", 3)
            assert slots is not None
            work(slots)
            os.write(back, b".")
            time.sleep(30)
            return 0

        children.append(fork(live, None, ()))
        os.read(out, 1)
        os.close(out)
        os.close(back)
        return children[-1]

    yield other
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def ours(file: SlotFile, kind: str = "relay", limit: int = 3) -> SharedSlots:
    slots = file.slots(kind, limit)
    assert slots is not None
    return slots


def free(slots: SharedSlots) -> int:
    """How many this process can take; it gives them back."""
    taken = 0
    while slots.take(0, no_room):
        taken += 1
    for _ in range(taken):
        slots.give_back()
    return taken


def test_no_limit_is_no_slots(file: SlotFile) -> None:
    assert file.slots("relay", 0) is None


def test_one_process_has_no_more_than_there_are(file: SlotFile) -> None:
    assert free(ours(file)) == 3


def test_two_processes_have_no_more_than_there_are(file: SlotFile, other: Other) -> None:
    slots = ours(file)
    other(lambda theirs: theirs.take(0, no_room) and theirs.take(0, no_room))
    assert free(slots) == 1
    assert free(ours(file, "imap")) == 3


def test_a_lower_limit_beside_a_higher_one(file: SlotFile, other: Other) -> None:
    """Those of a reload may have fewer while the old ones still have what they had."""
    other(lambda theirs: [theirs.take(0, no_room) for _ in range(3)])
    assert free(ours(file, limit=2)) == 0
    assert free(ours(file, limit=4)) == 1


def test_what_a_killed_process_had_is_free(file: SlotFile, other: Other) -> None:
    slots = ours(file)
    child = other(lambda theirs: [theirs.take(0, no_room) for _ in range(3)])
    assert free(slots) == 0
    os.kill(child, signal.SIGKILL)
    assert slots.take(10, no_room)


def test_whoever_has_room_to_make_does_not_wait(file: SlotFile) -> None:
    slots = ours(file)
    for _ in range(3):
        slots.take(0, no_room)

    def make_room() -> bool:
        slots.give_back()
        return True

    assert slots.take(0, make_room)
    assert not slots.take(0, no_room)


def test_others_see_that_one_waits(file: SlotFile, other: Other) -> None:
    slots = ours(file)
    for _ in range(3):
        slots.take(0, no_room)
    assert not slots.is_wanted()
    out, back = os.pipe()

    def wait(theirs: SharedSlots) -> None:
        os.write(back, b".")
        if os.fork() == 0:  # a process that waits, while this one tells its parent to go on
            theirs.take(30, no_room)
            os.write(back, b"!")
            os._exit(0)

    other(wait)
    assert os.read(out, 1) == b"."
    end = time.monotonic() + 10
    while not slots.is_wanted():
        assert time.monotonic() < end
        time.sleep(0.01)
    slots.give_back()
    assert os.read(out, 1) == b"!"
    while slots.is_wanted():
        assert time.monotonic() < end
        time.sleep(0.01)
    os.close(out)
    os.close(back)
