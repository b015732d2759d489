"""How scripts share the processor with sessions, and with each other."""

from __future__ import annotations

import threading
import time

from gsubmit.fairness import let_others_run
from gsubmit.sieve.errors import Problem, SieveError

ALLOWED = 0.01  # seconds of work after which a script works for long; most take less than one millisecond
WORK = 0.003  # seconds of work from one rest to the next
REST = 0.006  # seconds, in which others can have answers that take several steps
MAX_WAIT = 60.0  # seconds until another one that works for long has ended; RFC 5321 4.5.3.2.6 gives us ten minutes
_long_ones = threading.Semaphore(1)


class KeptWaiting(SieveError):
    """It was never the turn of a script."""


class Turns:
    """Those of the script, or the scripts, of one message: call it often, and end it.

    What works for long rests for twice as long, and waits until it is the only one in its process.
    """

    __slots__ = ("_is_long", "_next")

    def __init__(self) -> None:
        self._next = time.monotonic() + ALLOWED
        self._is_long = False

    def __call__(self) -> None:
        """Let others run, if it is time. Raises KeptWaiting."""
        let_others_run()
        if time.monotonic() >= self._next:
            self._rest()

    def _rest(self) -> None:
        if not self._is_long:
            self._is_long = _long_ones.acquire(timeout=MAX_WAIT)
            if not self._is_long:
                text = f"other scripts that take long have kept this one waiting for {MAX_WAIT:.0f} seconds"
                raise KeptWaiting(Problem("script", 0, text))
        time.sleep(REST)
        self._next = time.monotonic() + WORK

    def end(self) -> None:
        """It is the turn of others."""
        if self._is_long:
            self._is_long = False
            _long_ones.release()
