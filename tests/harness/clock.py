"""A clock that a test moves."""

from __future__ import annotations

from dataclasses import dataclass

import pytest


@dataclass
class Clock:
    """Stands for the module `time`: seconds pass only when a test adds them to `now`."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def rule(self, monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
        """Let modules of gsubmit go by this clock, and nothing else."""
        for module in modules:
            monkeypatch.setattr(f"gsubmit.{module}.time", self)


def clock_of(monkeypatch: pytest.MonkeyPatch, *modules: str) -> Clock:
    """A clock by which these modules go."""
    clock = Clock()
    clock.rule(monkeypatch, *modules)
    return clock
