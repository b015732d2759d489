"""What is kept of logins from one to the next: all that workers, or machines, would have to share."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from gsubmit.auth.penalty import Penalised, Penalty, network_of
from gsubmit.auth.refusals import LocalRefusals


class LoginState(Protocol):
    """Failures by network (see Penalty), connections by user and network, and refusals of IMAP servers by user.

    Each call is one question.
    """

    def level(self, address: str, user: str = "") -> int:
        """How high the level of this address is for this user."""

    def knows(self, address: str, user: str) -> bool:
        """Whether this user's last login from there succeeded."""

    def failed(self, address: str, level: int, user: str, password: str = "") -> None:
        """A login failed that began at `level`."""

    def succeeded(self, address: str, user: str) -> None:
        """A login succeeded."""

    def penalties(self) -> list[Penalised]:
        """The networks that have a level now."""

    def clear_penalty(self, address: str) -> None:
        """Forget the failures of an address's network, or with an empty one all failures."""

    def enter(self, user: str, address: str, most: int) -> bool:
        """Count one more connection of a user from an address, unless there are `most` (0: any number)."""

    def leave(self, user: str, address: str) -> None:
        """A connection that was counted is over."""

    def refused(self, user: str, *, of_others: bool) -> None:
        """An IMAP server said no to what this user has of others, or to our login with what it has of its own."""

    def too_many_refusals(self, user: str, *, of_others: bool) -> bool:
        """Whether IMAP servers are not to be asked for this user now."""

    def forget_refusals(self) -> None:
        """The servers, or our logins there, are others now."""


class LocalState(Penalty, LocalRefusals):
    """A LoginState of this process. An IPv6 network counts as one address."""

    def __init__(self) -> None:
        Penalty.__init__(self)
        LocalRefusals.__init__(self)
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
