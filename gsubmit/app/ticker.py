"""What is done once in a while instead of while mail goes by: looking at sessions, pools and the time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from gsubmit.metrics import current
from gsubmit.metrics.board import Board
from gsubmit.metrics.current import Buckets
from gsubmit.metrics.figures import (
    CLIENT_RECEIVED,
    CLIENT_SENT,
    IMAP_CONNECTIONS,
    IMAP_WAITING,
    LOOP_DELAY,
    RELAY_CONNECTIONS,
    RELAY_WAITING,
    SESSIONS,
)
from gsubmit.relay.relay import Relay
from gsubmit.server.door import Door
from gsubmit.server.service import Service
from gsubmit.server.session import Session

PERIOD = 0.1  # seconds between looks at the time
TICK = 10  # of these between looks at all else

_DELAY = Buckets(LOOP_DELAY)


class Ticker:
    """Keeps those figures of one process, and gives others connections; `service` gives the service of new sessions."""

    def __init__(self, door: Door, service: Callable[[], Service]) -> None:
        self._door = door
        self._service = service
        self._octets_in = 0  # counted already
        self._octets_out = 0

    def run(self) -> None:
        """Keep them, for ever."""
        while True:
            self.tick()
            for _ in range(TICK):
                due = time.monotonic() + PERIOD
                time.sleep(PERIOD)
                _DELAY.observe(max(0.0, time.monotonic() - due))
                self._give_way()

    def _give_way(self) -> None:
        """Let other processes have connections that nobody needs here."""
        service = self._service()
        if isinstance(service.relay, Relay):
            service.relay.pool.give_way()
        for pool in service.resolver.pools:
            pool.give_way()

    def tick(self) -> None:
        """Look at everything once."""
        row = current.row
        states = Counter(map(_state, self._door.sessions))
        for (state,), cell in SESSIONS.cells.items():
            row[cell] = states[state]
        self._count_octets(row)
        relay, pools = self._service().relay, self._service().resolver.pools
        if isinstance(relay, Relay):
            row[RELAY_CONNECTIONS.at("busy")] = relay.pool.busy
            row[RELAY_CONNECTIONS.at("idle")] = len(relay.pool.idle)
            row[RELAY_WAITING.at()] = relay.pool.waiting
        row[IMAP_CONNECTIONS.at("busy")] = sum(pool.busy for pool in pools)
        row[IMAP_CONNECTIONS.at("idle")] = sum(pool.idle_count for pool in pools)
        row[IMAP_WAITING.at()] = sum(pool.waiting for pool in pools)
        Board.beat()

    def _count_octets(self, row: memoryview[float]) -> None:
        """What has come and gone since the last look."""
        door = self._door
        octets_in = door.octets_in + sum(session.wire.octets_in for session in door.sessions)
        octets_out = door.octets_out + sum(session.wire.octets_out for session in door.sessions)
        row[CLIENT_RECEIVED.at()] += octets_in - self._octets_in
        row[CLIENT_SENT.at()] += octets_out - self._octets_out
        self._octets_in, self._octets_out = octets_in, octets_out


def _state(session: Session) -> str:
    if session.login is None:
        return "before_login"
    if session.login.backend:
        return "proxied"
    return "idle" if session.transaction is None else "transaction"
