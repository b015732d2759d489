"""When calls of plugins have to have ended. Most do at once, so there is one timer for all and not one for each."""

from __future__ import annotations

import time
from typing import Any

import gevent

LOOK_INTERVAL = 0.1  # seconds between two looks at the calls that are under way


class Deadlines:
    """Calls that are under way in the greenlets of one thread."""

    def __init__(self) -> None:
        self._calls: dict[BaseException, tuple[Any, float]] = {}  # greenlet and end, by what is thrown
        self._is_ticking = False

    def begin(self, late: BaseException, end: float) -> None:
        """Throw `late` into the greenlet that runs now, once, if it waits for anything after `end` (monotonic)."""
        self._calls[late] = gevent.getcurrent(), end
        if not self._is_ticking:
            self._tick()

    def end(self, late: BaseException) -> None:
        """What was begun with `late` has ended."""
        self._calls.pop(late, None)

    def _tick(self) -> None:
        self._is_ticking = True
        timer = gevent.get_hub().loop.timer(LOOK_INTERVAL)
        timer.start(self._look, timer)

    def _look(self, timer: Any) -> None:
        """Runs in the hub, where each greenlet waits for something."""
        timer.close()
        self._is_ticking = False
        now = time.monotonic()
        overdue = [(late, greenlet) for late, (greenlet, end) in self._calls.items() if now >= end]
        if len(overdue) < len(self._calls):
            self._tick()
        for late, greenlet in overdue:
            if self._calls.pop(late, None) is not None:  # else it has ended while others ran
                greenlet.throw(late)
