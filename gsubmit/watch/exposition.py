"""The figures of a Board as Prometheus reads them, by prometheus_client."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from gsubmit import __version__
from gsubmit.metrics.board import Board
from gsubmit.metrics.figures import LAYOUT
from gsubmit.metrics.layout import Figure
from gsubmit.metrics.reading import read
from gsubmit.watch.http import Environ, Page

# What is known beside the figures: name, help and labels.
FACTS = (
    ("gsubmit_build_info", "Always 1, with the version that runs.", ("version",)),
    ("gsubmit_workers", "Processes that serve clients.", ()),
    ("gsubmit_start_time_seconds", "When the server was started, in seconds since 1970.", ()),
)


class Exposition(Collector):
    """Sums over all workers, read when somebody asks."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def page(self, environ: Environ) -> Page:
        """`/metrics`, in the form that the request asks for."""
        encode, content_type = choose_encoder(environ.get("HTTP_ACCEPT", ""))
        return Page(encode(self._registry), content_type)

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that nothing is read before somebody asks."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """All of them now."""
        build, workers, started = (GaugeMetricFamily(name, help, labels=labels) for name, help, labels in FACTS)
        build.add_metric([__version__], 1)
        workers.add_metric([], len(self._board.workers))
        started.add_metric([], self._board.started)
        yield from (build, workers, started)
        for figure in LAYOUT.figures:
            yield self._family(figure)

    def _family(self, figure: Figure) -> Metric:
        if figure.kind == "histogram":
            histogram = HistogramMetricFamily(figure.name, figure.help, labels=figure.labels)
            bounds = [*map(floatToGoString, figure.bounds), "+Inf"]
            for values, total, buckets in read(self._board, figure):
                histogram.add_metric(values, list(zip(bounds, buckets, strict=True)), total)
            return histogram
        kind = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
        family = kind(figure.name, figure.help, labels=figure.labels)
        for values, total, _ in read(self._board, figure):
            family.add_metric(values, total)
        return family
