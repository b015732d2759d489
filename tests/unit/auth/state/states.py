"""What the tests of all states need."""

from __future__ import annotations

from typing import Any

from gsubmit.auth.loginstate import LoginState, StateLost

HERE, ELSEWHERE = "192.0.2.10", "198.51.100.1"
KINDS = ("local", "shared", "with fallback", "away")
CLOCKED = ("auth.state.localpenalty", "auth.state.shared", "auth.refusals", "auth.state.fallback")


class Away:
    """A state that can be away; `asked` is how often it was tried."""

    def __init__(self, state: LoginState, *, is_away: bool = True) -> None:
        self.state = state
        self.is_away = is_away
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        self.asked += 1
        if self.is_away:
            raise StateLost("gone fishing")
        return getattr(self.state, name)
