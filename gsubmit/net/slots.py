"""Slots: so many may be busy at a time, and the others wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from threading import Event


class Slots:
    """`limit` of them; 0 is no limit. A free one goes to whoever of those waiting has the fewest, then to the first."""

    share: int  # how many to keep of those that others want too
    when_fewer: Callable[[], None]  # is called before others can have what is given up here

    def __init__(self, limit: int) -> None:
        self.limit: float = limit or inf
        self._queue: deque[tuple[str, Event]] = deque()  # who waits
        self._taken: dict[str, int] = {}  # by whom; a Counter costs a Python call for each that comes and goes
        self.busy = 0

    def take(self, timeout: float, who: str = "") -> bool:
        """Wait for a slot; False when none came within `timeout` seconds. `who` took one gives it back."""
        if self.busy < self.limit and not self._queue:
            self.busy += 1
            self._taken[who] = self._taken.get(who, 0) + 1
            return True
        slot = Event()
        self._queue.append((who, slot))
        try:
            self._await(slot, timeout)
        except BaseException:  # whoever waits may be ended from outside
            self._leave(who, slot)
            raise
        if slot.is_set():
            return True  # the slot was handed over, and counted
        self._leave(who, slot)
        return False

    def _await(self, slot: Event, timeout: float) -> None:
        slot.wait(timeout)

    def _leave(self, who: str, slot: Event) -> None:
        if slot.is_set():
            self.give_back(who)
        else:
            self._queue.remove((who, slot))

    def give_back(self, who: str = "") -> None:
        """A slot that `who` had is free."""
        self._release(who)
        self._hand_on()

    def _release(self, who: str) -> None:
        self.busy -= 1
        if self._taken[who] > 1:
            self._taken[who] -= 1
        else:
            del self._taken[who]

    def _hand_on(self) -> None:
        """Free slots go to those who wait."""
        while self._queue and self.busy < self.limit:
            chosen = min(self._queue, key=lambda waiting: self.taken_by(waiting[0]))
            self._queue.remove(chosen)
            self._taken[chosen[0]] = self.taken_by(chosen[0]) + 1
            self.busy += 1
            chosen[1].set()

    def give_way(self) -> bool:
        """Let others than those who wait here have some that are free; False while they want more."""
        return True

    @property
    def is_full(self) -> bool:
        """Whether the next one has to wait."""
        return self.busy >= self.limit

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    def taken_by(self, who: str) -> int:
        """How many slots somebody has."""
        return self._taken.get(who, 0)


class SlotsByKey:
    """The same for each of many: addresses, users. Nothing is kept of those that are not busy."""

    def __init__(self) -> None:
        self._slots: dict[str, Slots] = {}

    @contextmanager
    def slot(self, key: str, limit: int, timeout: float) -> Iterator[bool]:
        """A slot of this key's `limit`, given back at the end of the block; False when none came in time."""
        slots = self._slots.setdefault(key, Slots(limit))
        try:
            is_taken = slots.take(timeout)
            try:
                yield is_taken
            finally:
                if is_taken:
                    slots.give_back()
        finally:  # also of whoever was ended just when the slot was handed over
            if not slots.busy and self._slots.get(key) is slots:
                del self._slots[key]

    def crowd(self, key: str) -> int:
        """How many have a slot of this key, or wait for one."""
        slots = self._slots.get(key)
        return slots.busy + slots.waiting if slots is not None else 0

    def __len__(self) -> int:
        return len(self._slots)
