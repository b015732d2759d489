"""Turns: so many may be busy at a time, and the others wait."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event


class Turns:
    """`limit` of them; 0 is no limit. A free one goes to whoever of those waiting has the fewest, then to the first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._queue: deque[tuple[str, Event]] = deque()  # who waits
        self._taken: Counter[str] = Counter()  # by whom
        self.busy = 0

    def take(self, timeout: float, who: str = "") -> bool:
        """Wait for a turn; False when none came within `timeout` seconds. `who` took one gives it back."""
        if not self._limit or (self.busy < self._limit and not self._queue):
            self.busy += 1
            self._taken[who] += 1
            return True
        turn = Event()
        self._queue.append((who, turn))
        try:
            turn.wait(timeout)
        except BaseException:  # whoever waits may be ended from outside
            self._leave(who, turn)
            raise
        if turn.is_set():
            return True  # the turn was handed over, and counted
        self._leave(who, turn)
        return False

    def _leave(self, who: str, turn: Event) -> None:
        if turn.is_set():
            self.give_back(who)
        else:
            self._queue.remove((who, turn))

    def give_back(self, who: str = "") -> None:
        """A turn that `who` had is free."""
        self._taken[who] -= 1
        if not self._taken[who]:
            del self._taken[who]
        if self._queue:
            chosen = min(self._queue, key=lambda waiting: self._taken[waiting[0]])
            self._queue.remove(chosen)
            self._taken[chosen[0]] += 1
            chosen[1].set()
        else:
            self.busy -= 1

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    def taken_by(self, who: str) -> int:
        """How many turns somebody has."""
        return self._taken[who]


class TurnsByKey:
    """The same for each of many: addresses, users. Nothing is kept of those that are not busy."""

    def __init__(self) -> None:
        self._turns: dict[str, Turns] = {}

    @contextmanager
    def turn(self, key: str, limit: int, timeout: float) -> Iterator[bool]:
        """A turn of this key's `limit`, given back at the end of the block; False when none came in time."""
        turns = self._turns.setdefault(key, Turns(limit))
        try:
            is_taken = turns.take(timeout)
            try:
                yield is_taken
            finally:
                if is_taken:
                    turns.give_back()
        finally:  # also of whoever was ended just when the turn was handed over
            if not turns.busy and self._turns.get(key) is turns:
                del self._turns[key]

    def __len__(self) -> int:
        return len(self._turns)
