"""The command stats of the control socket: what /metrics says, as objects."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gsubmit import __version__
from gsubmit.metrics import current
from gsubmit.metrics.board import Board
from gsubmit.metrics.current import Buckets
from gsubmit.metrics.figures import LAYOUT, LOGINS, MESSAGES, RELAY_LATENCY
from gsubmit.watch.client import ask
from gsubmit.watch.exposition import Exposition
from gsubmit.watch.lines import Object
from gsubmit.watch.stats import stats
from tests.unit.watch.asking import controlled


@pytest.fixture
def board() -> Iterator[Board]:
    """Two workers that have counted."""
    before, board = current.row, Board(2)
    for number in (0, 1):
        board.take(number)
        current.row[MESSAGES.at("accepted")] += 10 + number
        current.row[LOGINS.at("PLAIN", "ok")] += 1
        for seconds in (0.0004, 0.3, 1000.0):
            Buckets(RELAY_LATENCY, "message").observe(seconds)
    yield board
    current.row = before


@pytest.fixture
def answer(board: Board, tmp_path: Path) -> list[Object]:
    with controlled(tmp_path, {"stats": partial(stats, board)}):
        return ask(str(tmp_path), {"command": "stats"})


def series(answer: list[Object], name: str, **labels: str) -> Object:
    (one,) = [one for one in answer if (one.get("name"), one.get("labels")) == (name, labels)]
    return one


def test_begins_with_the_server(board: Board, answer: list[Object]) -> None:
    assert answer[0] == {"version": __version__, "workers": 2, "started": board.started}


def test_sums_over_all_workers(answer: list[Object]) -> None:
    assert series(answer, "gsubmit_messages_total", result="accepted")["value"] == 21
    assert series(answer, "gsubmit_logins_total", mechanism="PLAIN", result="ok")["value"] == 2
    assert series(answer, "gsubmit_relay_waiting")["value"] == 0


def test_a_histogram(answer: list[Object]) -> None:
    one = series(answer, "gsubmit_relay_latency_seconds", step="message")
    assert (one["count"], one["sum"]) == (6, pytest.approx(2 * 1000.3004))
    assert "value" not in one
    assert list(one["buckets"]) == [*map(str, RELAY_LATENCY.bounds), "+Inf"]
    assert [one["buckets"][bound] for bound in ("0.0005", "0.25", "0.5", "300.0", "+Inf")] == [2, 2, 4, 4, 6]


def test_each_series_is_there(answer: list[Object]) -> None:
    found = [(one["name"], *one["labels"].values()) for one in answer[1:]]
    assert found == [(figure.name, *values) for figure in LAYOUT.figures for values in figure.cells]


def test_the_numbers_are_those_of_metrics(board: Board, answer: list[Object]) -> None:
    text = Exposition(board).page({}).body.decode()
    shown = {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }
    for one in answer[1:]:
        labels = tuple(sorted(one["labels"].items()))
        if "value" in one:
            assert shown[one["name"], labels] == one["value"]
            continue
        assert shown[f"{one['name']}_sum", labels] == one["sum"]
        for bound, count in one["buckets"].items():
            assert shown[f"{one['name']}_bucket", tuple(sorted([*one["labels"].items(), ("le", bound)]))] == count
