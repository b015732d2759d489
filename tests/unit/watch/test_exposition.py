"""What Prometheus reads: the sums over all workers, by its own parser, under names as it wants them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text_format

from gsubmit import __version__
from gsubmit.metrics import current
from gsubmit.metrics.board import Board
from gsubmit.metrics.current import Buckets
from gsubmit.metrics.figures import LAYOUT, LOGINS, MESSAGES, OPEN_CONNECTIONS, RELAY_LATENCY
from gsubmit.watch.exposition import FACTS, Exposition

FIGURES = [(figure.kind, figure.name, figure.help, figure.labels) for figure in LAYOUT.figures]
ALL = [*FIGURES, *(("gauge", name, text, labels) for name, text, labels in FACTS)]
# What promtool check metrics holds a name to.
UNITS = ("seconds", "bytes")
OTHER_UNITS = re.compile(r"_(ms|milliseconds|minutes|hours|days|kb|kilobytes|octets|bits|percent)(_|$)")
TYPES = re.compile(r"_(counter|gauge|histogram|summary|count|sum|bucket)(_|$)")


@pytest.fixture
def board() -> Iterator[Board]:
    """Two workers that have counted."""
    before, board = current.row, Board(3)
    for number in (0, 2):
        board.take(number)
        current.row[MESSAGES.at("accepted")] += 10 + number
        current.row[LOGINS.at("PLAIN", "ok")] += 1
        current.row[OPEN_CONNECTIONS.at()] = 5
        for seconds in (0.0004, 0.3, 1000.0):
            Buckets(RELAY_LATENCY, "message").observe(seconds)
    yield board
    current.row = before


def families(board: Board, accept: str = "") -> dict[str, Metric]:
    page = Exposition(board).page({"HTTP_ACCEPT": accept})
    parse = openmetrics if "openmetrics" in page.content_type else text_format
    return {family.name: family for family in parse(page.body.decode())}


def value(found: dict[str, Metric], sample: str, **labels: str) -> float:
    (one,) = [
        one.value for family in found.values() for one in family.samples if (one.name, one.labels) == (sample, labels)
    ]
    return one


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"], ids=["text", "openmetrics"])
def test_sums_over_all_workers(board: Board, accept: str) -> None:
    found = families(board, accept)
    assert value(found, "gsubmit_messages_total", result="accepted") == 22
    assert value(found, "gsubmit_messages_total", result="unfinished") == 0
    assert value(found, "gsubmit_logins_total", mechanism="PLAIN", result="ok") == 2
    assert value(found, "gsubmit_open_connections") == 10
    assert value(found, "gsubmit_workers") == 2
    assert value(found, "gsubmit_start_time_seconds") == board.started
    assert value(found, "gsubmit_build_info", version=__version__) == 1


def test_a_histogram_is_cumulative(board: Board) -> None:
    found, name = families(board), "gsubmit_relay_latency_seconds"
    counts = {
        bound: value(found, f"{name}_bucket", step="message", le=bound)
        for bound in ("0.0005", "0.25", "0.5", "300.0", "+Inf")
    }
    assert counts == {"0.0005": 2, "0.25": 2, "0.5": 4, "300.0": 4, "+Inf": 6}
    assert value(found, f"{name}_count", step="message") == 6
    assert value(found, f"{name}_sum", step="message") == pytest.approx(2 * 1000.3004)
    assert value(found, f"{name}_count", step="connect") == 0


def test_each_figure_is_shown(board: Board) -> None:
    found = families(board)
    assert set(found) == {name.removesuffix("_total") for _, name, *_ in ALL}
    for kind, name, text, _ in ALL:
        family = found[name.removesuffix("_total")]
        assert (family.type, family.documentation) == (kind, text)
    for figure in LAYOUT.figures:
        family = found[figure.name.removesuffix("_total")]
        assert len({tuple(sorted(one.labels.items())) for one in family.samples if "le" not in one.labels}) == len(
            figure.cells
        )


def test_what_has_ended_is_no_worker(board: Board) -> None:
    board.clear_gauges(2)
    found = families(board)
    assert value(found, "gsubmit_workers") == 1
    assert value(found, "gsubmit_open_connections") == 5
    assert value(found, "gsubmit_messages_total", result="accepted") == 22


@pytest.mark.parametrize(("kind", "name", "text", "labels"), ALL, ids=[name for _, name, *_ in ALL])
def test_name(kind: str, name: str, text: str, labels: tuple[str, ...]) -> None:
    """By the conventions that promtool check metrics looks for."""
    assert re.fullmatch(r"gsubmit(_[a-z]+)+", name)
    assert name.endswith("_total") == (kind == "counter")
    base = name.removesuffix("_total")
    assert all(base.endswith(f"_{unit}") or f"_{unit}" not in base for unit in UNITS)
    assert kind != "histogram" or base.endswith(UNITS)
    assert not OTHER_UNITS.search(base) and not TYPES.search(base)
    assert text.endswith(".") and "\n" not in text
    assert all(re.fullmatch("[a-z_]+", label) and label != "le" for label in labels)
    assert not base.endswith("_info") or kind == "gauge"
