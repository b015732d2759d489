"""How often IMAP servers have recently said no to what a user made us ask them."""

from __future__ import annotations

import itertools
import time

MOST_REFUSALS = 3
FORGOTTEN = 600.0  # seconds after the first of them
MAX_USERS = 20_000


class LocalRefusals:
    """Who was refused, and how often; what is long ago is forgotten."""

    def __init__(self) -> None:
        self._refusals: dict[tuple[str, bool], tuple[int, float]] = {}  # with the time of the first, oldest in front

    @property
    def refused_users(self) -> int:
        """How many users are remembered, those refused what others have apart."""
        return len(self._refusals)

    def too_many_refusals(self, user: str, *, of_others: bool) -> bool:
        """Whether nothing more is to be asked for this user now."""
        count, since = self._refusals.get((user, of_others), (0, 0.0))
        return count >= MOST_REFUSALS and not _is_over(since)

    def refused(self, user: str, *, of_others: bool) -> None:
        """One more."""
        who = (user, of_others)
        count, since = self._refusals.get(who, (0, time.monotonic()))
        if _is_over(since):
            del self._refusals[who]
            count, since = 0, time.monotonic()
        self._refusals[who] = count + 1, since
        for other, (_, begun) in list(itertools.islice(self._refusals.items(), 2)):  # each adds one at most
            if _is_over(begun) or len(self._refusals) > MAX_USERS:
                del self._refusals[other]

    def forget_refusals(self) -> None:
        """The servers, or our logins there, are others now."""
        self._refusals.clear()


def _is_over(since: float) -> bool:
    return time.monotonic() - since >= FORGOTTEN
