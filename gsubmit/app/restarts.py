"""When processes that have ended are to be made again: later and later while they do not live long."""

from __future__ import annotations

import time

STABLE_TIME = 10.0  # seconds after which a process that ends was not broken from the start
LEAST_DELAY, MOST_DELAY = 0.2, 30.0  # seconds until one that was is made again


class Restarts:
    """The moments at which one is to be made (monotonic)."""

    def __init__(self) -> None:
        self.due: list[float] = []
        self._delay = 0.0

    def ended(self, since: float) -> None:
        """One that has lived since then (monotonic) is to be made again."""
        if time.monotonic() - since < STABLE_TIME:
            self.failed()
        else:
            self._delay = 0.0
            self.due.append(time.monotonic())

    def failed(self) -> None:
        """One could not be made, or not live."""
        self._delay = min(MOST_DELAY, max(LEAST_DELAY, 2 * self._delay))
        self.due.append(time.monotonic() + self._delay)

    def take(self) -> int:
        """How many are due; they are no longer."""
        now, before = time.monotonic(), len(self.due)
        self.due = [moment for moment in self.due if moment > now]
        return before - len(self.due)
