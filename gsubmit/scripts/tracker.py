"""What was seen by `duplicate` (RFC 7352), in memory: each process has its own, and a restart forgets it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b

MAX_KNOWN = 100_000  # ids of all users; who has sent nothing for longest has theirs forgotten first
MAX_OF_ONE = 1000  # ids of a user; the ones that were seen first are forgotten first


class Memory:
    """Ids of users' messages, each until a moment of the monotonic clock."""

    def __init__(self, period: float, max_period: float) -> None:
        self._period = min(period, max_period)
        self._max_period = max_period
        self._users: OrderedDict[str, OrderedDict[bytes, float]] = OrderedDict()
        self._count = 0

    def has_seen(self, user: str, id: str) -> bool:
        """Whether it is known."""
        ids = self._users.get(user)
        return ids is not None and ids.get(_digest(id), 0.0) > time.monotonic()

    def remember(self, user: str, tracked: Iterable[tuple[str, int | None]]) -> None:
        """From now on, each for its time."""
        ids = self._users.setdefault(user, OrderedDict())
        self._users.move_to_end(user)
        self._count -= len(ids)
        for id, seconds in tracked:
            digest = _digest(id)
            ids[digest] = time.monotonic() + min(self._period if seconds is None else seconds, self._max_period)
            ids.move_to_end(digest)
            if len(ids) > MAX_OF_ONE:
                ids.popitem(last=False)
        self._count += len(ids)
        while self._count > MAX_KNOWN:
            _, gone = self._users.popitem(last=False)
            self._count -= len(gone)


def _digest(id: str) -> bytes:
    return blake2b(id.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class OfUser:
    """A sieve.mail.Tracker for one user."""

    __slots__ = ("_memory", "_user")

    def __init__(self, memory: Memory, user: str) -> None:
        self._memory = memory
        self._user = user

    def has_seen(self, id: str) -> bool:
        """Whether it is known."""
        return self._memory.has_seen(self._user, id)
