"""Fixtures of the server's tests."""

from __future__ import annotations

import pytest

from tests.unit.server.logins import SleepingClock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SleepingClock:
    clock = SleepingClock()
    clock.rule(monkeypatch, "server.commands.auth", "server.authority", "server.logins", "auth.state.localpenalty")
    return clock
