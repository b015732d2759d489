"""The sums of earlier moments, in memory that outlives the process that keeps them."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Sequence

from gsubmit.metrics.figures import LAYOUT

KEPT = 361  # moments: an hour, where one is kept every ten seconds
_SIZE = LAYOUT.size


class Past:
    """Moments, oldest first, each of them with a sum for each cell of a row; the first cell is the moment itself.

    Made before the fork. One process at a time adds to it, and when that is killed the next one finds all of it.
    """

    def __init__(self) -> None:
        # Before the moments stands how many there ever were, which is written last.
        self._cells: memoryview[float] = memoryview(mmap.mmap(-1, 8 * (1 + KEPT * _SIZE))).cast("d")

    def add(self, moment: float, sums: Sequence[float]) -> None:
        """Keep one more, and forget the oldest one."""
        number = int(self._cells[0])
        self._row(number)[:] = memoryview(array("d", [moment, *sums[1:]]))
        self._cells[0] = number + 1

    def __len__(self) -> int:
        return min(int(self._cells[0]), KEPT)

    def __getitem__(self, at: int) -> list[float]:
        """One of them; -1 is the newest. IndexError where there is none."""
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        return list(self._row(int(self._cells[0]) + (at if at < 0 else at - len(self))))

    @property
    def moments(self) -> list[float]:
        """When they were."""
        newest = int(self._cells[0])
        return [self._row(number)[0] for number in range(newest - len(self), newest)]

    def _row(self, number: int) -> memoryview[float]:
        first = 1 + number % KEPT * _SIZE
        return self._cells[first : first + _SIZE]
