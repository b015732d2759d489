"""`gsubmit stats`: the figures of a Board, over the control socket."""

from __future__ import annotations

from collections.abc import Iterator

from gsubmit import __version__
from gsubmit.metrics.board import Board
from gsubmit.metrics.figures import LAYOUT
from gsubmit.metrics.reading import read
from gsubmit.watch.lines import Object


def stats(board: Board, _: Object) -> Iterator[Object]:
    """The server: its `version`, `workers` and `started` (time.time). Then each series: `name`, `labels` and `value`.

    A histogram has `count`, `sum` and `buckets` instead: for each bound how many values were at most that.
    """
    yield {"version": __version__, "workers": len(board.workers), "started": board.started}
    for figure in LAYOUT.figures:
        for values, total, buckets in read(board, figure):
            series: Object = {"name": figure.name, "labels": dict(zip(figure.labels, values, strict=True))}
            if not buckets:
                yield series | {"value": total}
                continue
            bounds = [*map(str, figure.bounds), "+Inf"]
            yield series | {"count": buckets[-1], "sum": total, "buckets": dict(zip(bounds, buckets, strict=True))}
