"""What a Board says, figure by figure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from gsubmit.metrics.board import Board
from gsubmit.metrics.layout import Figure, Values


class Series(NamedTuple):
    """One combination of labels. `buckets` are a histogram's: how many values were at most each bound, and all."""

    values: Values
    value: float  # a histogram's sum
    buckets: tuple[int, ...] = ()


def read(board: Board, figure: Figure) -> Iterator[Series]:
    """The series of one figure, added up over all workers."""
    for values, cell in figure.cells.items():
        if figure.kind != "histogram":
            yield Series(values, board.total(cell))
            continue
        width = len(figure.bounds) + 1
        counts = [int(board.total(cell + number)) for number in range(width)]
        yield Series(values, board.total(cell + width), tuple(accumulate(counts)))
