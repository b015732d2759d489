"""What logins of all sessions have to do with each other: slots, and waits after failures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from gsubmit.auth.loginstate import LoginState
from gsubmit.auth.passdb import Unavailable
from gsubmit.auth.penalty import WAITS, network_of
from gsubmit.auth.state.local import LocalState
from gsubmit.metrics import current
from gsubmit.metrics.figures import PENALTIES
from gsubmit.net.slots import SlotsByKey

# Passwords checked at the same time for one address: slow hashes take a thread each, while another server, which may
# hold its answer back for seconds, costs nothing here.
AT_A_TIME = 2
AT_A_TIME_ELSEWHERE = 10
SLOT_TIMEOUT = 30.0  # seconds to wait for a slot
MAX_WAITING = 4  # logins of a network that wait for what its failures ask for, one after the other: a minute at most
QUEUE_TIMEOUT = 90.0  # seconds that the last of them waits, passwords of the others and all


class TooManyAtATime(Unavailable):
    """No slot for one more login of a network."""


class Logins:
    """One for all sessions, and for the life of the process: a reload forgives nothing."""

    def __init__(self, state: LoginState | None = None) -> None:
        self.slots = SlotsByKey()  # of networks
        self.waits = SlotsByKey()  # the same, of those that have to wait before
        self.state = state or LocalState()

    @contextmanager
    def slot(
        self, address: str, at_a_time: int = AT_A_TIME, user: str = "", *, is_watched: bool = False
    ) -> Iterator[int]:
        """Wait for this network's slot, and have it while the password is checked; its level, for LoginState.failed.

        Once a login of a watched network has failed, they come one at a time, and each waits within its slot: so the
        number of connections does not make guessing faster. Nobody overtakes those that wait, but for a user whom the
        penalty knows. Raises TooManyAtATime.
        """
        network = network_of(address)
        with self._slot_of(network, at_a_time):
            has_to_wait = self.state.level(address, user) or self.waits.crowd(network)
            if not is_watched or not has_to_wait or self.state.knows(address, user):
                yield 0
                return
        with self._wait_of(network):
            level = self.state.level(address, user)
            if level:
                current.row[PENALTIES.at()] += 1
                time.sleep(WAITS[level])
            with self._slot_of(network, at_a_time):
                yield level

    @contextmanager
    def _slot_of(self, network: str, at_a_time: int) -> Iterator[None]:
        with self.slots.slot(network, at_a_time, SLOT_TIMEOUT) as is_taken:
            if not is_taken:
                raise TooManyAtATime("too many logins at the same time")
            yield

    @contextmanager
    def _wait_of(self, network: str) -> Iterator[None]:
        too_many = TooManyAtATime("too many logins wait because others failed")
        if self.waits.crowd(network) >= MAX_WAITING:  # sooner said than kept waiting for nothing
            raise too_many
        with self.waits.slot(network, 1, QUEUE_TIMEOUT) as is_taken:
            if not is_taken:
                raise too_many
            yield
