"""What workers of one machine have in memory of logins, so that the usual ones need no file."""

from __future__ import annotations

import mmap
import secrets

from gsubmit.auth.penalty import FORGOTTEN
from gsubmit.auth.state.connections import Connections
from gsubmit.auth.state.hashtable import hash_of
from gsubmit.auth.state.known import KnownUsers
from gsubmit.metrics.board import MAX_ROWS

_TIMES = 1 << 16


class StateMemory:
    """Made before the workers are forked, so that they all have it, and gone with the last of them.

    Names and addresses do not stand in it, only their hashes. What a process writes the others see at once; none waits.
    """

    def __init__(self) -> None:
        self.secret = secrets.token_bytes(16)  # of wrong passwords
        self.connections = Connections(MAX_ROWS)
        self.known = KnownUsers()
        # By hash of a network, when it or another with that hash failed last (monotonic).
        self._failures: memoryview[float] = memoryview(mmap.mmap(-1, 8 * _TIMES)).cast("d")

    def note_failure(self, network: str, now: float) -> None:
        """A login from there failed."""
        self._failures[hash_of(network) % _TIMES] = now

    def may_have_level(self, network: str, now: float) -> bool:
        """False if no login from there has failed lately; true is no more than a reason to look."""
        return now - self._failures[hash_of(network) % _TIMES] < FORGOTTEN
