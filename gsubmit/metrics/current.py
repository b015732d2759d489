"""The row into which this process writes.

`current.row[CELL] += 1` is all that counting takes: no lock, for nobody else writes there. The row is looked up each
time, because a worker gets its own after it was forked.
"""

from __future__ import annotations

from bisect import bisect_left

from gsubmit.metrics.figures import LAYOUT
from gsubmit.metrics.layout import Figure


class Buckets:
    """One series of a histogram."""

    __slots__ = ("_bounds", "_first", "_sum")

    def __init__(self, figure: Figure, *values: str) -> None:
        self._bounds = figure.bounds
        self._first = figure.at(*values)
        self._sum = self._first + len(figure.bounds) + 1

    def observe(self, value: float) -> None:
        """Count one more value, in seconds for instance."""
        row[self._first + bisect_left(self._bounds, value)] += 1
        row[self._sum] += value


row: memoryview[float] = memoryview(bytearray(8 * LAYOUT.size)).cast("d")  # this process's own, until it has a Board's
