"""Fixtures of the server's tests."""

from __future__ import annotations

import pytest

from tests.unit.server.logins import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in ("server.commands.auth", "server.authority", "server.logins", "auth.penalty"):
        monkeypatch.setattr(f"gsubmit.{module}.time", clock)
    return clock
