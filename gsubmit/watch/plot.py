"""Plots as SVG: sizes in per cent, so that bars stretch with the page and words do not; no styles, no scripts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

NOTHING = "\u2013"  # what is shown where there is no value
HEAD = 0.06  # of the height, above the highest bar
_NICE = (1, 2, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Series:
    """Values of equal steps in time, None where there is none. `kind` is a class in page.css."""

    name: str
    kind: str
    values: Sequence[float | None]


def bars(ident: str, title: str, summary: str, series: Sequence[Series], times: Sequence[str]) -> str:
    """Stacked bars from zero. `times` says of each step when it ended, for whoever points at it."""
    sums = [sum(one.values[at] or 0 for one in series) for at in range(len(times))]
    top = nice(max(sums, default=0))
    marks = []
    for at, time in enumerate(times):
        below = 0.0
        boxes = []
        for one in series:
            value = one.values[at] or 0
            if value:
                boxes.append(_box(at, len(times), below / top, (below + value) / top, one.kind))
            below += value
        if any(one.values[at] is not None for one in series):
            said = ", ".join(f"{count(one.values[at] or 0)} {one.name}" for one in series)
            marks.append(_step(at, len(times), f"{time}: {said}", "".join(boxes)))
    lines = [(0.0, "0"), (0.5, count(top / 2)), (1.0, count(top))]
    return _plot(ident, title, summary, lines, marks)


def ranges(ident: str, title: str, summary: str, low: Series, high: Series, times: Sequence[str]) -> str:
    """Seconds on a logarithmic scale: a dot for each value of `low`, and a bar from there to `high`."""
    found = [value for value in (*low.values, *high.values) if value]
    first = math.floor(math.log10(min(found, default=0.001)))
    last = max(math.ceil(math.log10(max(found, default=1.0))), first + 1)

    def place(seconds: float) -> float:
        return min(max((math.log10(seconds) - first) / (last - first), 0), 1)

    marks = []
    for at, (time, least, most) in enumerate(zip(times, low.values, high.values, strict=True)):
        if least and most:
            boxes = _box(at, len(times), place(least), place(most), high.kind)
            width = 100 / len(times)
            x, y = width * at + width / 2, _y(place(least))
            boxes += f'<circle class="{low.kind}" cx="{x:.2f}%" cy="{y:.2f}%" r="2.5"/>'
            said = f"{time}: {low.name} {duration(least)}, {high.name} {duration(most)}"
            marks.append(_step(at, len(times), said, boxes))
    lines = [((power - first) / (last - first), duration(10.0**power)) for power in range(first, last + 1)]
    return _plot(ident, title, summary, lines, marks)


def bar(share: float) -> str:
    """One bar from the left, for a table that says the number too."""
    return f'<svg class="bar" aria-hidden="true"><rect width="{100 * share:.1f}%" height="100%"/></svg>'


def nice(value: float) -> float:
    """A round number that is not below it, whose half is whole."""
    if value <= 10:
        return max(2 * math.ceil(value / 2), 2)
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in _NICE if step * power >= value)


def count(value: float) -> str:
    """A number for people: 950, 12,300, 1.2 M."""
    for limit, word in ((1e9, "G"), (1e6, "M")):
        if value >= limit:
            return f"{value / limit:.1f} {word}"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def duration(seconds: float | None) -> str:
    """A time for people: 0.8 ms, 12 ms, 1.5 s, on one line; a dash for none."""
    if seconds is None:
        return NOTHING
    value, unit = (seconds, "s") if seconds >= 1 else (seconds * 1000, "ms")
    return f"{value:.2g}\u00a0{unit}" if value < 10 else f"{value:.0f}\u00a0{unit}"


def _y(share: float) -> float:
    return 100 - 100 * share * (1 - HEAD)


def _box(at: int, steps: int, low: float, high: float, kind: str) -> str:
    width = 100 / steps
    top, height = _y(high), _y(low) - _y(high)
    x = width * (at + 0.1)
    return f'<rect class="{kind}" x="{x:.2f}%" y="{top:.2f}%" width="{width * 0.8:.2f}%" height="{height:.2f}%"/>'


def _step(at: int, steps: int, said: str, boxes: str) -> str:
    width = 100 / steps
    area = f'<rect class="area" x="{width * at:.2f}%" y="0" width="{width:.2f}%" height="100%"/>'
    return f"<g><title>{escape(said)}</title>{area}{boxes}</g>"


def _plot(ident: str, title: str, summary: str, lines: Sequence[tuple[float, str]], marks: Sequence[str]) -> str:
    grid = "".join(f'<line x1="0" x2="100%" y1="{_y(at):.2f}%" y2="{_y(at):.2f}%"/>' for at, _ in lines)
    words = "".join(f'<text x="100%" y="{_y(at):.2f}%">{escape(text)}</text>' for at, text in lines)
    nothing = "" if marks else '<text class="nothing" x="50%" y="50%">nothing yet</text>'
    return (
        f'<div class="plot"><svg class="scale" aria-hidden="true">{words}</svg>'
        f'<svg class="marks" role="img" aria-labelledby="{ident}-title {ident}-desc">'
        f'<title id="{ident}-title">{escape(title)}</title><desc id="{ident}-desc">{escape(summary)}</desc>'
        f'<g class="grid">{grid}</g>{"".join(marks)}{nothing}</svg></div>'
    )
