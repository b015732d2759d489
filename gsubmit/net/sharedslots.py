"""Slots that the processes of a server have together, for connections to another server that counts them all."""

from __future__ import annotations

import fcntl
import os
import time
import zlib
from collections.abc import Callable

AGAIN = 0.02  # seconds between attempts of who waits for one
_SPACE = 1 << 20  # bytes of the file for each kind: more than there are slots
_WANTED = _SPACE - 1  # the byte that they lock who wait; the others are slots


class SlotFile:
    """A file in memory with a byte for each slot, made before the processes are forked.

    A slot is taken by a lock, which belongs to a process and is gone with it, however it ends (fcntl(2)).
    """

    def __init__(self) -> None:
        self._file = os.memfd_create("gsubmit-slots")

    def slots(self, kind: str, limit: int) -> SharedSlots | None:
        """Those of a kind, as this process has them; None for a `limit` of 0, which is none.

        Processes with a lower limit than others of that kind take only the first so many.
        """
        start = zlib.crc32(kind.encode()) * _SPACE
        return SharedSlots(self._file, start, min(limit, _WANTED)) if limit else None


class SharedSlots:
    """One for each connection that is open, or being opened."""

    def __init__(self, file: int, start: int, limit: int) -> None:
        self._file = file
        self._start = start
        self._limit = limit
        self._mine: set[int] = set()
        self._waiting = 0

    def take(self, seconds: float, make_room: Callable[[], bool]) -> bool:
        """Wait for one; False when none came in time. `make_room` gives up one of this process, if it can."""
        if self._take():
            return True
        end = time.monotonic() + seconds
        self._waiting += 1
        try:
            while not self._take():
                if make_room():
                    continue
                if time.monotonic() >= end:
                    return False
                self._lock(_WANTED, fcntl.LOCK_SH)
                time.sleep(AGAIN)
            return True
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._unlock(_WANTED)

    def give_back(self) -> None:
        """One connection of this process is closed."""
        self._unlock(self._mine.pop())

    def is_wanted(self) -> bool:
        """Whether another process waits for one, and this one does not."""
        if self._waiting:
            return False
        if not self._lock(_WANTED, fcntl.LOCK_EX):
            return True
        self._unlock(_WANTED)
        return False

    def _take(self) -> bool:
        first = os.getpid() % self._limit  # so that not all begin with the same one
        for number in range(first, first + self._limit):
            slot = number % self._limit
            if slot not in self._mine and self._lock(slot, fcntl.LOCK_EX):
                self._mine.add(slot)
                return True
        return False

    def _lock(self, byte: int, kind: int) -> bool:
        try:
            fcntl.lockf(self._file, kind | fcntl.LOCK_NB, 1, self._start + byte)
        except OSError:
            return False
        return True

    def _unlock(self, byte: int) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, self._start + byte)
