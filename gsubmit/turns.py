"""Turns: so many may be busy at a time, and the others wait in the order in which they came."""

from __future__ import annotations

from collections import deque
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
