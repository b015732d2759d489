"""Whether the server can do its work: somebody accepts clients, and the relay can be reached."""

from __future__ import annotations

import time
from collections.abc import Callable

from gsubmit.metrics.board import Board
from gsubmit.metrics.figures import RELAY_FAILURES, RELAY_LATENCY
from gsubmit.watch.http import Environ, Page

PATIENCE = 60.0  # seconds of failures without a success
PROBE_AFTER = 30.0  # seconds without any word of the relay
SILENCE = 15.0  # seconds after which a worker that does not say that it lives is not counted
_SUCCESSES = [
    cell for first in RELAY_LATENCY.cells.values() for cell in range(first, first + len(RELAY_LATENCY.bounds) + 1)
]


class Health:
    """Looks at the figures of all workers, now and then. `probe` has the relay reached for, without waiting for it."""

    def __init__(self, board: Board, probe: Callable[[], None] = lambda: None) -> None:
        self._board = board
        self._probe = probe
        self._successes, self._failures = self._counted()
        self._heard_at = self._probed_at = time.monotonic()  # when there was a word of the relay, good or bad
        self._failing_since = 0.0  # monotonic; 0 while it can be reached

    def page(self, _: Environ) -> Page:
        """`/healthz`: ok, or what is wrong."""
        fault = self.fault()
        return Page(f"{fault}\n".encode(), status="503 Service Unavailable") if fault else Page(b"ok\n")

    def look(self) -> None:
        """Take note of how things went since the last look."""
        now = time.monotonic()
        successes, failures = self._counted()
        if successes != self._successes:
            self._failing_since = 0.0
        elif failures != self._failures:
            self._failing_since = self._failing_since or now
        if (successes, failures) != (self._successes, self._failures):
            self._heard_at = now
        self._successes, self._failures = successes, failures

    def _counted(self) -> tuple[float, float]:
        return sum(map(self._board.total, _SUCCESSES)), self._board.total(RELAY_FAILURES.at())

    def fault(self) -> str:
        """What is wrong; empty when nothing is. A relay of which nothing was heard is probed."""
        self.look()
        now = time.monotonic()
        if now - max(self._heard_at, self._probed_at) >= PROBE_AFTER:
            self._probed_at = now
            self._probe()
        if not any(now - self._board.last_beat(number) < SILENCE for number in self._board.workers):
            return "no worker accepts clients"
        if self._failing_since and now - self._failing_since >= PATIENCE:
            return f"the relay could not be reached for {int(now - self._failing_since)} seconds"
        return ""

    @property
    def failing_for(self) -> float:
        """Seconds since the relay was first not reached, 0 while it can be."""
        return time.monotonic() - self._failing_since if self._failing_since else 0.0
