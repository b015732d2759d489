"""What would be said with each connection, said once in a while."""

from __future__ import annotations

import logging
import time

EVERY = 60.0  # seconds from one line to the next


class Complaint:
    """One kind of trouble; what comes too soon after the last line about it is not said."""

    def __init__(self, log: logging.Logger, level: int = logging.WARNING) -> None:
        self._log = log
        self._level = level
        self._next = 0.0

    def say(self, text: str, *arguments: object) -> None:
        """Log it, if it is time."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY
            self._log.log(self._level, text, *arguments)
