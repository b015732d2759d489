"""Slots that are held while a client thinks go to those who wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import gevent

from gsubmit.dial.connection import RelayConnection
from gsubmit.net.slots import Slots

PARK_AFTER = 0.05  # seconds that a client may think before somebody who waits gets its slot
PARK_EVERY = 0.02  # seconds between looks for such a client, while somebody waits


class Holder(Protocol):
    """Who has a slot. `client_idle_since`: since when it is its client's move (monotonic), 0 when it is not."""

    user: str
    client_idle_since: float

    def park(self) -> RelayConnection:
        """Give the connection up while its client is idle."""


class Parking:
    """Those who have slots; `give_back` takes a connection whose user gives one up."""

    def __init__(self, slots: Slots, give_back: Callable[[RelayConnection, str], None]) -> None:
        self._slots = slots
        self._give_back = give_back
        self._holders: set[Holder] = set()
        self._parker: gevent.Greenlet[[], None] | None = None
        self._on_their_way = 0  # slots that somebody gives up

    def hold(self, holder: Holder) -> None:
        """It has a slot; while its client is idle, that may be given to somebody else."""
        self._holders.add(holder)

    def release(self, holder: Holder) -> None:
        """It gives its slot back itself."""
        self._holders.discard(holder)

    def begin(self) -> None:
        """Take slots from those who keep them longest, of the users with the most, until nobody waits."""
        if self._parker is None:
            self._parker = gevent.spawn(self._run)

    def _run(self) -> None:
        gevent.sleep(0)  # whoever began this waits only now
        while self._slots.waiting:
            self.park(max(self._slots.waiting - self._on_their_way, 0))
            gevent.sleep(PARK_EVERY)
        self._parker = None

    def park(self, wanted: int) -> None:
        """Take so many slots, if there are clients that think."""
        last = time.monotonic() - PARK_AFTER
        idle = [holder for holder in self._holders if 0 < holder.client_idle_since <= last]
        idle.sort(key=lambda holder: (-self._slots.taken_by(holder.user), holder.client_idle_since))
        for holder in idle[:wanted]:
            self.release(holder)
            gevent.spawn(self._give_back_parked, holder.park(), holder.user)

    def _give_back_parked(self, connection: RelayConnection, user: str) -> None:
        self._on_their_way += 1
        try:
            self._give_back(connection, user)
        finally:
            self._on_their_way -= 1
