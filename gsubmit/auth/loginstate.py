"""What is kept of logins from one to the next: all that workers, or machines, would have to share."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from gsubmit.auth.penalty import Penalty, network_of


class LoginState(Protocol):
    """Failures by network (see Penalty), and connections by user and network. Each call is one question."""

    def level(self, address: str, user: str = "") -> int:
        """How high the level of this address is for this user."""

    def knows(self, address: str, user: str) -> bool:
        """Whether this user's last login from there succeeded."""

    def failed(self, address: str, level: int, user: str, password: str = "") -> None:
        """A login failed that began at `level`."""

    def succeeded(self, address: str, user: str) -> None:
        """A login succeeded."""

    def enter(self, user: str, address: str, most: int) -> bool:
        """Count one more connection of a user from an address, unless there are `most` (0: any number)."""

    def leave(self, user: str, address: str) -> None:
        """A connection that was counted is over."""


class LocalState(Penalty):
    """A LoginState of this process. An IPv6 network counts as one address."""

    def __init__(self) -> None:
        super().__init__()
        self.connections: Counter[tuple[str, str]] = Counter()

    def enter(self, user: str, address: str, most: int) -> bool:
        """Count one more connection, unless there are `most`."""
        key = (user, network_of(address))
        if most and self.connections[key] >= most:
            return False
        self.connections[key] += 1
        return True

    def leave(self, user: str, address: str) -> None:
        """One less."""
        key = (user, network_of(address))
        self.connections[key] -= 1
        if not self.connections[key]:
            del self.connections[key]
