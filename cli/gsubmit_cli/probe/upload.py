"""What is told of a large message while it is sent, and after."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

LARGE = 1 << 20  # octets; smaller ones are soon there
INTERVAL = 0.2  # seconds between two lines on a terminal
_CLEAR = "\r\x1b[K"


class Upload:
    """The sending of so many octets. Its progress is one line of `terminal`, written over and at last cleared."""

    def __init__(self, size: int, terminal: TextIO | None, note: Callable[[str], None]) -> None:
        self._size = size
        self._terminal = terminal if size >= LARGE else None
        self._note = note
        self._start = time.monotonic()
        self._next = self._start + INTERVAL

    def went(self, octets: int) -> None:
        """So many have been handed to the system."""
        now = time.monotonic()
        if self._terminal is not None and now >= self._next:
            self._next = now + INTERVAL
            self._terminal.write(_CLEAR + self._line(octets, now - self._start))
            self._terminal.flush()

    def end(self, octets: int) -> None:
        """The last of them have gone, or could not go."""
        if self._terminal is not None:
            self._terminal.write(_CLEAR)
            self._terminal.flush()
        seconds = time.monotonic() - self._start
        if self._size >= LARGE:
            sent = _shown(octets) if octets == self._size else f"{_shown(octets)} of {_shown(self._size)}"
            self._note(f"{sent} in {seconds:.1f} s, {_shown(octets / max(seconds, 1e-3))}/s")

    def _line(self, octets: int, seconds: float) -> str:
        rate = octets / max(seconds, 1e-3)
        left = f", {(self._size - octets) / rate:.0f} s left" if rate else ""
        percent = 100 * octets // self._size
        return f"{percent:3} % of {_shown(self._size)}, {_shown(rate)}/s{left}"


def _shown(octets: float) -> str:
    return f"{octets / 1e6:.1f} MB" if octets >= 1e5 else f"{octets / 1e3:.1f} kB"
