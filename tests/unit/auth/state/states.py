"""What the tests of all states need."""

from __future__ import annotations

from typing import Any

from redis import Redis

from gsubmit.auth.loginstate import LoginState, StateLost
from tests.harness.clock import Clock

HERE, ELSEWHERE = "192.0.2.10", "198.51.100.1"
KINDS = ("local", "shared", "redis", "with fallback", "away")
CLOCKED = ("auth.state.localpenalty", "auth.state.shared", "auth.refusals", "auth.state.fallback")


class RedisClock(Clock):
    """A Redis whose scripts go by it. Everything else there is forgotten when it is made."""

    def __init__(self, server: Redis) -> None:
        self.server = server
        server.flushall()
        self.now = 1000.0

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "now":
            self.server.set("clock", round(value * 1000))


class Away:
    """A state that can be away, also after a number of `answers`; `asked` is how often it was tried."""

    def __init__(self, state: LoginState, *, is_away: bool = True) -> None:
        self.state = state
        self.is_away = is_away
        self.asked = 0
        self.answers = -1

    def __getattr__(self, name: str) -> Any:
        self.asked += 1
        self.is_away = self.is_away or not self.answers
        self.answers -= 1
        if self.is_away:
            raise StateLost("gone fishing")
        return getattr(self.state, name)
