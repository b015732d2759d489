"""What would be said with each connection, said once in a while."""

from __future__ import annotations

import logging
import time

EVERY = 60.0  # seconds from one line to the next


class Complaint:
    """One kind of warning; what comes too soon after the last one is not said."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._next = 0.0

    def say(self, text: str, *arguments: object) -> None:
        """Log a warning, if it is time."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY
            self._log.warning(text, *arguments)
