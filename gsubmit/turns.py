"""Turns: so many may be busy at a time, and the others wait in the order in which they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event


class Turns:
    """`limit` of them; 0 is no limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._queue: deque[Event] = deque()
        self.busy = 0

    def take(self, patience: float) -> bool:
        """Wait for a turn; False when none came within `patience` seconds. Whoever took one gives it back."""
        if not self._limit or (self.busy < self._limit and not self._queue):
            self.busy += 1
            return True
        turn = Event()
        self._queue.append(turn)
        try:
            turn.wait(patience)
        except BaseException:  # whoever waits may be ended from outside
            self._leave(turn)
            raise
        if turn.is_set():
            return True  # the turn was handed over, so `busy` has not changed
        self._leave(turn)
        return False

    def _leave(self, turn: Event) -> None:
        if turn.is_set():
            self.give_back()
        else:
            self._queue.remove(turn)

    def give_back(self) -> None:
        """Hand the turn to whoever waits longest."""
        if self._queue:
            self._queue.popleft().set()
        else:
            self.busy -= 1


class TurnsByKey:
    """The same for each of many: addresses, users. Nothing is kept of those that are not busy."""

    def __init__(self) -> None:
        self._turns: dict[str, Turns] = {}

    @contextmanager
    def turn(self, key: str, limit: int, patience: float) -> Iterator[bool]:
        """A turn of this key's `limit`, given back at the end of the block; False when none came in time."""
        turns = self._turns.setdefault(key, Turns(limit))
        try:
            is_taken = turns.take(patience)
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
