"""Connections to one next hop: kept for reuse, counted, and taken in turn."""

from __future__ import annotations

import time

import gevent

from gsubmit.dial.answer import KeywordRefused, RelayFailed, SaidMore
from gsubmit.dial.connection import RelayConnection
from gsubmit.dial.nexthop import NextHop
from gsubmit.dial.opening import introduce, open_connection
from gsubmit.dial.xclient import ClientFacts
from gsubmit.metrics import current
from gsubmit.metrics.figures import RELAY_FAILURES, RELAY_LATENCY
from gsubmit.net.addresses import Addresses
from gsubmit.net.slots import Slots
from gsubmit.relay.learnt import KEEPING, Learnt
from gsubmit.relay.parking import Parking
from gsubmit.smtp.capabilities import Capabilities
from gsubmit.smtp.replies import RELAY_BUSY

MAX_KEPT = 100  # idle connections
REAP_EVERY = 15.0  # seconds between looks at the idle connections

_LATENCY = current.Buckets(RELAY_LATENCY, "connect")


class Pool:
    """`max_idle_time` in seconds; at most so many are open at a time as there are `slots`, or `max_connections`.

    `capabilities` are what the next hop said on the last connection that was opened; None before the first one.
    """

    def __init__(
        self,
        hop: NextHop,
        max_idle_time: float = 1740.0,
        max_connections: int = 0,
        slots: Slots | None = None,
    ) -> None:
        self.hop = hop
        self._addresses = Addresses(hop.host)
        self.max_idle_time = max_idle_time
        self.max_connections = max_connections
        self._slots = slots or Slots(max_connections)  # by user
        self._slots.when_fewer = self._make_room
        self.parking = Parking(self._slots, self.give_back)
        self.learnt = Learnt()
        self.idle: list[RelayConnection] = []
        self._changes_hands = True  # until the relay takes no second XCLIENT on one connection
        self.capabilities: Capabilities | None = None
        self._is_closed = False
        self._reaper: gevent.Greenlet[[], None] | None = None

    @property
    def busy(self) -> int:
        """How many slots are taken."""
        return self._slots.busy

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return self._slots.waiting

    # Connections: whoever takes one gives it back, in whatever state it is

    def take(self, client: ClientFacts | None) -> RelayConnection:
        """A kept connection that lives, or a new one; waits for its slot. Raises RelayFailed."""
        user = client.login if client is not None else ""
        if self._slots.is_full:
            self.parking.begin()
        if not self._slots.take(self.hop.connect_timeout, user):
            raise RelayFailed(RELAY_BUSY, f"all {self.max_connections} connections to {self.hop} are busy")
        try:
            return self._kept(client) or self.dial(client)
        except BaseException:
            self._slots.give_back(user)
            raise

    def _kept(self, client: ClientFacts | None) -> RelayConnection | None:
        """An idle connection whose relay takes us for this client, or for nobody, or can be told otherwise."""
        wanted = client if self.hop.trusted else None
        while (connection := self._pick(wanted)) is not None:
            if not self._is_usable(connection):
                connection.close()
                continue
            connection.take_up()
            if left_out := self.learnt.left_out:
                connection.leave_out(left_out)
            if connection.client is wanted or connection.client == wanted or not connection.takes_client:
                return connection
            was_told = connection.client is not None
            try:
                introduce(connection, wanted)
            except RelayFailed as failed:
                connection.close()
                if was_told and not failed.lost and connection.client is not wanted:  # it was XCLIENT that it refused
                    self._changes_hands = False  # Postfix is like that: the first client's address has no such right
                continue
            return connection
        return None

    def _pick(self, wanted: ClientFacts | None) -> RelayConnection | None:
        """The idle connection used last among those that fit best; it is not idle any longer."""
        if not self.idle:
            return None
        if wanted is None:
            return self.idle.pop()
        for fits in (wanted, None):
            for at in reversed(range(len(self.idle))):
                if self.idle[at].client == fits:
                    return self.idle.pop(at)
        return self.idle.pop() if self._changes_hands else None

    def dial(self, client: ClientFacts | None) -> RelayConnection:
        """A new connection, for somebody who has a slot. Raises RelayFailed."""
        self._make_room()
        began = time.monotonic()
        try:
            connection = self._opened(client)
        except RelayFailed:
            current.row[RELAY_FAILURES.at()] += 1
            raise
        _LATENCY.observe(time.monotonic() - began)
        if connection.client is not None:
            self.learnt.proven.add("XCLIENT")
        self.capabilities = connection.capabilities
        return connection

    def _make_room(self) -> None:
        """Idle connections go first where there may not be as many."""
        while self.idle and self._slots.busy + len(self.idle) > self._slots.limit:
            self.idle.pop(0).close()

    def give_way(self) -> None:
        """Let other processes have connections that are not needed here, soon also one whose client thinks."""
        if not self._slots.give_way() and not self._slots.waiting:
            self.parking.park(1)

    def _opened(self, client: ClientFacts | None) -> RelayConnection:
        try:
            return open_connection(self.hop, self._addresses, client, self.learnt.left_out)
        except KeywordRefused as refused:
            if refused.keyword in self.learnt.proven:
                raise  # it is about this client
            self.learnt.leave_out(refused.keyword, refused.why)
            return open_connection(self.hop, self._addresses, client, self.learnt.left_out)

    def give_back(self, connection: RelayConnection, user: str) -> None:
        """Keep a connection for the next transaction, and let others have the slot that `user` had."""
        try:
            if connection.has_said_more:
                self.learnt.mistrust(f"{connection} said more than it was asked")
            if not connection.is_in_step or not connection.reset():
                connection.close()
            elif self._is_closed or self._is_of_no_use(connection):
                connection.say_goodbye()
            else:
                connection.mark_idle()
                self.idle.append(connection)
                if self._reaper is None:
                    self._reaper = gevent.spawn(self._reap)
        finally:
            self._slots.give_back(user)

    def _is_of_no_use(self, connection: RelayConnection) -> bool:
        """Whether nobody will want it: there are enough, it takes no more mail, or this relay's cannot be kept."""
        return len(self.idle) >= MAX_KEPT or connection.is_used_up or KEEPING in self.learnt.left_out

    def _is_usable(self, connection: RelayConnection) -> bool:
        """Idle not too long, and silent: whatever an idle relay says, a 421 or the end, it is of no use any longer."""
        if connection.sock is None or time.monotonic() - connection.idle_since > self.max_idle_time:
            return False
        try:
            if connection.is_silent():
                return True
            failed = connection.said_more()
        except RelayFailed:
            return False
        if isinstance(failed, SaidMore):
            self.learnt.mistrust(failed.why)
        return False

    def _reap(self) -> None:
        """Close idle connections whose time is over, until none is left."""
        while self.idle:
            gevent.sleep(REAP_EVERY)
            gone = [connection for connection in self.idle if not self._is_usable(connection)]
            self.idle = [connection for connection in self.idle if connection not in gone]
            for connection in gone:
                connection.say_goodbye()
        self._reaper = None

    def leave(self, client: ClientFacts) -> None:
        """The client has gone. Connections that the relay takes for this client's are of no use to any other."""
        if self._changes_hands or not self.hop.trusted:
            return
        for connection in [connection for connection in self.idle if connection.client == client]:
            self.idle.remove(connection)
            gevent.spawn(connection.say_goodbye)

    def close(self) -> None:
        """Say goodbye on every kept connection, and on those in use when they are given back."""
        self._is_closed = True
        self._slots.share = 0
        if self._reaper is not None:
            self._reaper.kill()
            self._reaper = None
        kept, self.idle = self.idle, []
        gevent.joinall([gevent.spawn(connection.say_goodbye) for connection in kept])
