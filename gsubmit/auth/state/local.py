"""The state of logins as one process keeps it."""

from __future__ import annotations

from collections import Counter

from gsubmit.auth.penalty import network_of
from gsubmit.auth.refusals import LocalRefusals
from gsubmit.auth.state.localpenalty import LocalPenalty


class LocalState(LocalPenalty, LocalRefusals):
    """A LoginState of this process."""

    def __init__(self) -> None:
        LocalPenalty.__init__(self)
        LocalRefusals.__init__(self)
        self.connections: Counter[tuple[str, str]] = Counter()  # of users and networks

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
