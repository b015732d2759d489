"""Users whose last login from a network succeeded, as all workers of a machine know them."""

from __future__ import annotations

from gsubmit.auth.state.hashtable import HashTable

BUCKETS = 4096  # with 131,072 cells


class KnownUsers:
    """One table for all, made before the workers are forked. In a full bucket the one longest ago is forgotten.

    Where two workers write into one cell at the same time, one of the users stays a stranger until the next login; but
    nobody is ever known who has not logged in: all 64 bits of a hash are compared.
    """

    def __init__(self, buckets: int = BUCKETS) -> None:
        self._buckets = buckets
        self._table = HashTable(buckets)  # with the second of the last login

    def __contains__(self, who: int) -> bool:
        return self._table.find(who, who % self._buckets) >= 0

    def add(self, who: int, now: float) -> None:
        """A login has succeeded `now` (monotonic)."""
        bucket = who % self._buckets
        cell = self._table.find(who, bucket)
        if cell >= 0:
            self._table.numbers[cell] = int(now)
        else:
            self._table.put(self._table.lowest(bucket), who, int(now))

    def remove(self, who: int) -> None:
        """A login has failed."""
        bucket = who % self._buckets
        while (cell := self._table.find(who, bucket)) >= 0:  # more than one if two workers added it at the same time
            self._table.put(cell, 0, 0)
