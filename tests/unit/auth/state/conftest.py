"""Every kind of state, by a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gsubmit.auth.loginstate import LoginState
from gsubmit.auth.state.fallback import StateWithFallback
from gsubmit.auth.state.local import LocalState
from gsubmit.auth.state.shared import SharedState
from tests.harness.clock import Clock
from tests.unit.auth.state.states import CLOCKED, KINDS, Away


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
def state(kind: str, clock: Clock, tmp_path: Path) -> Iterator[LoginState]:
    match kind:
        case "local":
            yield LocalState()
        case "shared":
            shared = SharedState(tmp_path / "state")
            yield shared
            shared.close()
        case "with fallback":
            yield StateWithFallback(LocalState(), "it", LocalState())
        case "away":
            yield StateWithFallback(Away(LocalState()), "it", LocalState())
