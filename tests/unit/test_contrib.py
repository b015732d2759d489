"""The alerts and the dashboard speak of figures that there are, by labels and values that these have."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gsubmit.metrics.figures import LAYOUT
from gsubmit.metrics.layout import Figure

CONTRIB = Path(__file__).parents[2] / "contrib"
FILES = ["prometheus-alerts.yml", "grafana-dashboard.json"]
FIGURES = {figure.name: figure for figure in LAYOUT.figures}
_SELECTOR = re.compile(r"\b(gsubmit_\w+)(?:\{([^{}]*)\})?")
_MATCHER = re.compile(r'(\w+)(=~|!=|=)\\?"(.*?)\\?"')
OF_PROMETHEUS = {"job", "instance", "le"}


def figure_of(name: str) -> Figure:
    """Histograms have three names."""
    plain = re.sub("_(bucket|count|sum)$", "", name)
    figure = FIGURES[plain]
    assert (figure.kind == "histogram") == (plain != name)
    return figure


@pytest.mark.parametrize("file", FILES)
def test_figures_and_labels_exist(file: str) -> None:
    found = _SELECTOR.findall((CONTRIB / file).read_text())
    assert len(found) > 10
    for name, matchers in found:
        figure = figure_of(name)
        for label, how, value in _MATCHER.findall(matchers):
            if label in OF_PROMETHEUS:
                continue
            at = figure.labels.index(label)
            values = {combination[at] for combination in figure.cells}
            assert any(re.fullmatch(value, one) if how == "=~" else one == value for one in values), (name, label)


def test_all_figures_are_on_the_dashboard() -> None:
    shown = {figure_of(name).name for name, _ in _SELECTOR.findall((CONTRIB / "grafana-dashboard.json").read_text())}
    assert FIGURES.keys() - shown <= {
        "gsubmit_tls_handshakes_total",
        "gsubmit_imap_connections",
        "gsubmit_imap_waiting",
    }


def test_the_dashboard_can_be_imported() -> None:
    dashboard = json.loads((CONTRIB / "grafana-dashboard.json").read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = {
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    }
    assert len(places) == sum(panel["gridPos"]["w"] * panel["gridPos"]["h"] for panel in panels), "they overlap"
    assert max(x for x, _ in places) < 24
