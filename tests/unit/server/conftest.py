"""Fixtures of the server's tests."""

from __future__ import annotations

import pytest

from tests.unit.server.logins import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in ("commands.auth", "authority"):
        monkeypatch.setattr(f"gsubmit.server.{module}.time", clock)
    return clock
