"""How scripts share the processor with sessions."""

from __future__ import annotations

import time

from gsubmit.fairness import let_others_run

ALLOWED = 0.01  # seconds of work after which a script rests; most take less than one millisecond
WORK = 0.003  # seconds of work from one rest to the next
REST = 0.006  # seconds, in which others can have answers that take several steps


class Turns:
    """Those of one script: call it often. Whoever works for long rests for twice as long."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = time.monotonic() + ALLOWED

    def __call__(self) -> None:
        """Let others run, if it is time."""
        let_others_run()
        if time.monotonic() >= self._next:
            time.sleep(REST)
            self._next = time.monotonic() + WORK
