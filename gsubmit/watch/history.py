"""The figures of the last hour: a sample every ten seconds, and what was counted between two of them."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gsubmit.metrics.board import Board
from gsubmit.metrics.figures import LAYOUT
from gsubmit.metrics.layout import Figure

EVERY = 10.0  # seconds from one sample to the next
SPAN = 3600.0  # seconds that are kept
STEP = 60.0  # seconds of one bar of a plot
STEPS = int(SPAN / STEP)


@dataclass(frozen=True, slots=True)
class Sample:
    """The sums over all workers at one moment (monotonic), by the numbers of their cells."""

    moment: float
    cells: Sequence[float]

    def of(self, figure: Figure, *values: str) -> float:
        """One counter or gauge."""
        return self.cells[figure.at(*values)]

    def buckets(self, figure: Figure, *values: str) -> list[float]:
        """The counts of a histogram's buckets, the last of which has no bound; no running totals."""
        first = figure.at(*values)
        return list(self.cells[first : first + len(figure.bounds) + 1])

    def __sub__(self, earlier: Sample) -> Sample:
        """What was counted since then, for counters and histograms."""
        cells = [value - before for value, before in zip(self.cells, earlier.cells, strict=True)]
        return Sample(self.moment - earlier.moment, cells)


class History:
    """Samples of a board, taken by whoever calls `sample` every ten seconds, and found by who does so after it."""

    def __init__(self, board: Board) -> None:
        self._board = board
        if not board.past:
            self.sample()

    def now(self) -> Sample:
        """The figures as they are; it is not kept."""
        return Sample(time.monotonic(), [self._board.total(cell) for cell in range(LAYOUT.size)])

    def sample(self) -> None:
        """Keep how things are now."""
        now = self.now()
        self._board.past.add(now.moment, now.cells)

    @property
    def first(self) -> Sample:
        """The oldest one, of an hour ago or of the start."""
        moments = self._board.past.moments
        return self._at(bisect_left(moments, moments[-1] - SPAN - EVERY))

    @property
    def last(self) -> Sample:
        """The newest one that is kept."""
        return self._at(-1)

    def steps(self) -> list[Sample | None]:
        """What was counted in each minute up to the last sample, oldest first; None where there was no server."""
        moments = self._board.past.moments
        ends = [self._before(moments, moments[-1] - STEP * back) for back in range(STEPS, -1, -1)]
        return [
            after - before if before is not None and after is not None else None for before, after in pairwise(ends)
        ]

    def _before(self, moments: list[float], moment: float) -> Sample | None:
        """The sample of a moment; they do not come to the second."""
        at = bisect_right(moments, moment + EVERY / 2) - 1
        return self._at(at) if at >= 0 else None

    def _at(self, at: int) -> Sample:
        cells = self._board.past[at]
        return Sample(cells[0], cells)


def quantile(bounds: Iterable[float], counts: list[float], share: float) -> float | None:
    """The value that a share of all is below, as Prometheus's histogram_quantile estimates it; None of nothing."""
    rank = share * sum(counts)
    if not rank:
        return None
    below, low = 0.0, 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if below + count >= rank:
            return low + (bound - low) * (rank - below) / count
        below, low = below + count, bound
    return low
