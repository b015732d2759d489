"""Logins that fail and succeed by a clock of their own."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from gsubmit.auth.state.local import LocalState
from gsubmit.server.logins import Logins
from tests.harness.clock import Clock

HERE, ELSEWHERE = "192.0.2.10", "198.51.100.1"
PLAIN = "disable_plaintext_auth = no\n"
STATIC = PLAIN + "passdb {\ndriver = static\nargs = password=secret\n}\n"


def attempt(password: str = "wrong", user: str = "tim", mechanism: str = "PLAIN") -> str:
    return f"AUTH {mechanism} " + b64encode(f"\0{user}\0{password}".encode()).decode()


GOOD = attempt("secret")


@dataclass
class SleepingClock(Clock):
    """Sleeping takes no time but this one's."""

    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def connections(logins: Logins) -> Mapping[tuple[str, str], int]:
    """How many of each user and network are counted."""
    assert isinstance(logins.state, LocalState)
    return logins.state.connections
