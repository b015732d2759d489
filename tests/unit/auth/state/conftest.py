"""Every kind of state, by a clock that the test moves."""

from __future__ import annotations

import pytest

from gsubmit.auth.loginstate import LoginState
from gsubmit.auth.state.local import LocalState
from tests.harness.clock import Clock
from tests.unit.auth.state.states import CLOCKED, KINDS


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def clock(kind: str, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    clock.rule(monkeypatch, *CLOCKED)
    return clock


@pytest.fixture
def state(kind: str, clock: Clock) -> LoginState:
    return LocalState()
