"""What was seen by `duplicate` (RFC 7352), in memory: each process has its own, and a restart forgets it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b

MAX_KNOWN = 100_000  # ids of all users; the ones that were seen first are forgotten first


class Memory:
    """Ids of users' messages, each until a moment of the monotonic clock."""

    def __init__(self, period: float, max_period: float) -> None:
        self._period = min(period, max_period)
        self._max_period = max_period
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def has_seen(self, user: str, id: str) -> bool:
        """Whether it is known."""
        return self._until.get(_digest(user, id), 0.0) > time.monotonic()

    def remember(self, user: str, tracked: Iterable[tuple[str, int | None]]) -> None:
        """From now on, each for its time."""
        for id, seconds in tracked:
            digest = _digest(user, id)
            self._until.pop(digest, None)
            self._until[digest] = time.monotonic() + min(self._period if seconds is None else seconds, self._max_period)
            if len(self._until) > MAX_KNOWN:
                self._until.popitem(last=False)


def _digest(user: str, id: str) -> bytes:
    return blake2b(f"{user}\0{id}".encode("utf-8", "surrogateescape"), digest_size=16).digest()


class OfUser:
    """A sieve.mail.Tracker for one user."""

    __slots__ = ("_memory", "_user")

    def __init__(self, memory: Memory, user: str) -> None:
        self._memory = memory
        self._user = user

    def has_seen(self, id: str) -> bool:
        """Whether it is known."""
        return self._memory.has_seen(self._user, id)
