"""Slots that the processes of a server have together, for connections to another server that counts them all."""

from __future__ import annotations

import fcntl
import os
import time
import zlib
from threading import Event

from gsubmit.net.slots import Slots

AGAIN = 0.02  # seconds between attempts to have one more, while somebody waits
_SPACE = 1 << 20  # bytes of the file for each kind: more than there are slots
_WANTED = _SPACE - 1  # the byte that they lock who wait; the others are slots


class SlotFile:
    """A file in memory with a byte for each slot, made before the processes are forked.

    A slot belongs to the process that has locked its byte, and to nobody when that has ended, however (fcntl(2)).
    """

    def __init__(self) -> None:
        self._file = os.memfd_create("gsubmit-slots")

    def slots(self, kind: str, limit: int, processes: int) -> Slots:
        """Those of a kind, as one of so many processes has them.

        Of processes that have different limits, those with a lower one take only the first so many.
        """
        if not limit:
            return Slots(0)
        start = zlib.crc32(kind.encode()) * _SPACE
        return SharedSlots(self._file, start, min(limit, _WANTED), limit // processes)


class SharedSlots(Slots):
    """`limit` is how many this process has; it gets more when it needs them, and gives up what others want.

    What is more than its `share` it gives up even if it needs them itself.
    """

    def __init__(self, file: int, start: int, most: int, share: int) -> None:
        super().__init__(0)
        self.limit = 0
        self.share = share
        self.when_fewer = lambda: None
        self._file = file
        self._start = start
        self._most = most
        self._locked: list[int] = []  # as many as the limit
        self._wants = False

    def take(self, timeout: float, who: str = "") -> bool:
        """The same as for any slots."""
        if self.is_full and not self._queue:
            self._grow()
        try:
            return super().take(timeout, who)
        finally:
            if self._wants and not self._queue:
                self._wants = False
                self._unlock(_WANTED)

    def _await(self, slot: Event, timeout: float) -> None:
        """The first in the queue looks again and again for slots that others have given up."""
        end = time.monotonic() + timeout
        while not slot.is_set() and (left := end - time.monotonic()) > 0:
            is_first = self._queue[0][1] is slot
            if is_first:
                self._wants = True
                self._lock(_WANTED, fcntl.LOCK_SH)
                while self._queue and self._grow():
                    self._hand_on()
            slot.wait(min(left, AGAIN if is_first else 10 * AGAIN))

    def give_back(self, who: str = "") -> None:
        """The same as for any slots, but it may go to another process."""
        self._release(who)
        if self.limit > self.share and self._is_wanted():
            self._shrink()
        self._hand_on()

    def give_way(self) -> bool:
        """Half of those that are free, if another process wants some."""
        if not self._is_wanted():
            return True
        free = self.limit - self.busy
        for _ in range(int(free + 1) // 2):
            self._shrink()
        return free > 0

    def _is_wanted(self) -> bool:
        """Whether another process waits for one."""
        if not self._lock(_WANTED, fcntl.LOCK_EX):
            return True
        if self._wants:
            self._lock(_WANTED, fcntl.LOCK_SH)
        else:
            self._unlock(_WANTED)
        return False

    def _grow(self) -> bool:
        """One more, if there is one that no process has."""
        first = os.getpid() % self._most  # so that not all begin with the same one
        for number in range(first, first + self._most):
            slot = number % self._most
            if slot not in self._locked and self._lock(slot, fcntl.LOCK_EX):
                self._locked.append(slot)
                self.limit += 1
                return True
        return False

    def _shrink(self) -> None:
        """One that is free goes to others."""
        self.limit -= 1
        self.when_fewer()
        self._unlock(self._locked.pop())

    def _lock(self, byte: int, kind: int) -> bool:
        try:
            fcntl.lockf(self._file, kind | fcntl.LOCK_NB, 1, self._start + byte)
        except OSError:
            return False
        return True

    def _unlock(self, byte: int) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, self._start + byte)
