"""How often IMAP servers have recently said no to what a user made us ask them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Hashable

MOST_REFUSALS = 3
FORGOTTEN = 600.0  # seconds after the first of them
MAX_USERS = 20_000


class Refusals:
    """Who was refused, and how often; what is long ago is forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[Hashable, tuple[int, float]] = {}  # with the time of the first, the oldest at the front

    def are_too_many(self, who: Hashable) -> bool:
        """Whether nothing more is to be asked for this user now."""
        count, since = self._counts.get(who, (0, 0.0))
        return count >= MOST_REFUSALS and not self._is_over(since)

    def add(self, who: Hashable) -> None:
        """One more."""
        count, since = self._counts.get(who, (0, self._clock()))
        if self._is_over(since):
            del self._counts[who]
            count, since = 0, self._clock()
        self._counts[who] = count + 1, since
        for other, (_, begun) in list(itertools.islice(self._counts.items(), 2)):  # each adds one at most
            if self._is_over(begun) or len(self._counts) > MAX_USERS:
                del self._counts[other]

    def _is_over(self, since: float) -> bool:
        return self._clock() - since >= FORGOTTEN
