"""Every kind of state, by a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gsubmit.auth.loginstate import LoginState
from gsubmit.auth.state import scripts
from gsubmit.auth.state.fallback import StateWithFallback
from gsubmit.auth.state.local import LocalState
from gsubmit.auth.state.memory import StateMemory
from gsubmit.auth.state.redisstate import RedisState
from gsubmit.auth.state.shared import SharedState
from tests.harness.clock import Clock
from tests.harness.peer_redis import RedisServer, redis_server
from tests.unit.auth.state.states import CLOCKED, KINDS, Away, RedisClock


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def clock(kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Clock:
    if kind != "redis":
        clock = Clock()
        clock.rule(monkeypatch, *CLOCKED)
        return clock
    server: RedisServer = request.getfixturevalue("redis")
    monkeypatch.setattr(scripts, "NOW", "local now = tonumber(redis.call('GET', 'clock')) ")
    return RedisClock(server.ask())


@pytest.fixture
def state(kind: str, clock: Clock, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LoginState]:
    match kind:
        case "local":
            yield LocalState()
        case "shared":
            shared = SharedState(tmp_path / "state", StateMemory())
            yield shared
            shared.close()
        case "redis":
            yield RedisState(request.getfixturevalue("redis").url)
        case "with fallback":
            yield StateWithFallback(LocalState(), "it", LocalState())
        case "away":
            yield StateWithFallback(Away(LocalState()), "it", LocalState())
