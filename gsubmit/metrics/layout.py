"""What kinds of figures there are, and which cells of a row each has.

A row is a block of doubles. Each figure has cells in it for every combination of its labels' values, which are fixed
sets: so a place never has to be looked for or made while mail goes by, and is a number known when the program starts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]
Values: TypeAlias = tuple[str, ...]  # of a figure's labels, in their order

FIRST = 2  # the cells before are PID and HEARTBEAT of board.py
ALIGNED = 8  # doubles in a cache line: no two workers write to the same


@dataclass(frozen=True, slots=True)
class Figure:
    """A counter, gauge or histogram, named as Prometheus has it: `_total` for counters, units `_seconds`, `_bytes`.

    `cells` has the first cell of each combination. A histogram with `bounds` (inclusive upper ones) has one more cell
    than these for the counts of its buckets, which are no running totals, and one behind them for the sum.
    """

    kind: Kind
    name: str
    help: str
    labels: tuple[str, ...]
    cells: dict[Values, int]
    bounds: tuple[float, ...] = ()

    def at(self, *values: str) -> int:
        """The first cell for these values of the labels. KeyError for others."""
        return self.cells[values]


@dataclass
class Layout:
    """The figures in the order of their cells."""

    figures: list[Figure] = field(default_factory=list)
    gauges: list[int] = field(default_factory=list)  # the cells of all gauges
    _end: int = FIRST

    @property
    def size(self) -> int:
        """Doubles in a row."""
        return -(-self._end // ALIGNED) * ALIGNED

    def counter(self, name: str, help: str, **labels: Iterable[str]) -> Figure:
        """What only grows. Each label comes with its values."""
        return self._add("counter", name, help, labels)

    def gauge(self, name: str, help: str, **labels: Iterable[str]) -> Figure:
        """What goes up and down; the sum of all workers' must make sense."""
        figure = self._add("gauge", name, help, labels)
        self.gauges += figure.cells.values()
        return figure

    def histogram(self, name: str, help: str, bounds: tuple[float, ...], **labels: Iterable[str]) -> Figure:
        """What is measured many times."""
        return self._add("histogram", name, help, labels, bounds)

    def _add(
        self, kind: Kind, name: str, help: str, labels: dict[str, Iterable[str]], bounds: tuple[float, ...] = ()
    ) -> Figure:
        width = len(bounds) + 2 if kind == "histogram" else 1
        combinations = list(product(*labels.values()))
        cells = {values: self._end + width * number for number, values in enumerate(combinations)}
        self._end += width * len(combinations)
        figure = Figure(kind, name, help, tuple(labels), cells, bounds)
        self.figures.append(figure)
        return figure
