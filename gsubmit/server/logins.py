"""What logins of all sessions have to do with each other: turns, waits after failures, connections of one user."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gsubmit.auth.passdb import Unavailable
from gsubmit.auth.penalty import WAITS, Penalty, network_of
from gsubmit.turns import TurnsByKey

# Passwords checked at the same time for one address: slow hashes take a thread each, while another server, which may
# hold its answer back for seconds, costs nothing here.
AT_A_TIME = 2
AT_A_TIME_ELSEWHERE = 10
PATIENCE = 30.0  # seconds to wait for a turn


class Logins:
    """One for all sessions, and for the life of the process: a reload forgives nothing."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self.turns = TurnsByKey()  # of networks
        self._connections: Counter[tuple[str, str]] = Counter()
        self._sleep = sleep
        self.penalty = Penalty()

    @contextmanager
    def turn(self, address: str, at_a_time: int = AT_A_TIME) -> Iterator[None]:
        """Wait for this address's turn, and have it. Raises Unavailable. An IPv6 network counts as one address."""
        with self.turns.turn(network_of(address), at_a_time, PATIENCE) as is_taken:
            if not is_taken:
                raise Unavailable("too many logins at the same time from this address")
            yield

    def wait(self, address: str) -> int:
        """Let an address wait as long as its earlier failures ask for; its level, for Penalty.failed."""
        level = self.penalty.level(address)
        if level:
            self._sleep(WAITS[level])
        return level

    def enter(self, user: str, address: str, most: int) -> bool:
        """Count one more connection of a user from an address, unless there are `most` (0: any number).

        An IPv6 network counts as one address.
        """
        key = (user, network_of(address))
        if most and self._connections[key] >= most:
            return False
        self._connections[key] += 1
        return True

    def leave(self, user: str, address: str) -> None:
        """A connection that was counted is over."""
        key = (user, network_of(address))
        self._connections[key] -= 1
        if not self._connections[key]:
            del self._connections[key]
