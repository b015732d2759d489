"""Boards whose figures a test sets, and a history with the times that it says."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gsubmit.metrics import current
from gsubmit.metrics.board import Board
from gsubmit.metrics.layout import Figure
from gsubmit.watch import health, history, tables


class Clock:
    """What these modules take for time; `sleep` is not needed by them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 10000.0
        fake = SimpleNamespace(monotonic=lambda: self.now)
        for module in (health, history, tables):
            monkeypatch.setattr(module, "time", fake)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    """Two rows; this process counts in the first one, and a second worker has begun too."""
    monkeypatch.setattr(current, "row", current.row)
    both = Board(2)
    both.take(1)
    both.take(0)
    return both


def count(figure: Figure, *values: str, by: float = 1) -> None:
    current.row[figure.at(*values)] += by
