"""How many connections there are of each user from each network, in all workers of a machine."""

from __future__ import annotations

import mmap

from gsubmit.auth.state.hashtable import WAYS, HashTable

_BUCKETS = 1024  # of a row


class Connections:
    """A row for each number of a worker, which only that worker writes into; made before the workers are forked.

    A row takes 0.4 MB at most, one that was never used nothing but addresses.

    Counts are exact for all practical purposes. Two users are taken for one when all 64 bits of their hashes are equal:
    beside 10,000 that are connected this happens to one login of 10 to the 15th. One for whose hash a row has no cell
    left is let in and not counted: with 10,000 connected to one worker this happens to one login of 70 million.
    """

    def __init__(self, rows: int) -> None:
        self._table = HashTable(rows * _BUCKETS)
        self._used = mmap.mmap(-1, rows)  # an octet of each row, so that nobody looks through those that are not used

    def use(self, row: int) -> None:
        """A worker begins to count there."""
        self._used[row] = 1

    def clear(self, row: int) -> None:
        """The worker that counted there has ended, however: what it had, nobody has any more."""
        cells = _BUCKETS * WAYS
        self._table.numbers[row * cells : (row + 1) * cells] = memoryview(bytes(4 * cells)).cast("I")
        self._used[row] = 0

    def enter(self, row: int, who: int, most: int) -> bool:
        """Count one more in that row, unless all rows have `most` (0: any number).

        It is counted first and then looked at, so that two workers never both take the last place; at the worst neither
        gets it.
        """
        counts, bucket = self._table.numbers, row * _BUCKETS + who % _BUCKETS
        cell = self._table.find(who, bucket)
        if cell < 0:
            cell = self._table.lowest(bucket)
            if counts[cell]:
                return True
            self._table.put(cell, who, 0)
        counts[cell] += 1
        if most and self._count(who) > most:
            counts[cell] -= 1
            return False
        return True

    def leave(self, row: int, who: int) -> None:
        """One less in that row."""
        cell = self._table.find(who, row * _BUCKETS + who % _BUCKETS)
        if cell >= 0 and self._table.numbers[cell]:
            self._table.numbers[cell] -= 1

    def _count(self, who: int) -> int:
        count, bucket = 0, who % _BUCKETS
        for row in range(self._used.rfind(b"\1") + 1):
            cell = self._table.find(who, row * _BUCKETS + bucket)
            if cell >= 0:
                count += self._table.numbers[cell]
        return count
