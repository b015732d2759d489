"""The relay: one next hop, its connections kept for reuse, and what it last said that it can do."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

import gevent

from gsubmit.net.addresses import Addresses
from gsubmit.relay.answer import KeywordRefused, RelayFailed, SaidMore, for_client, is_answer
from gsubmit.relay.connection import RelayConnection
from gsubmit.relay.delivery import RelayDelivery
from gsubmit.relay.learnt import KEEPING, Learnt
from gsubmit.relay.nexthop import NextHop
from gsubmit.relay.opening import introduce, open_connection
from gsubmit.relay.xclient import ClientFacts
from gsubmit.smtp.capabilities import NOTHING, Capabilities
from gsubmit.smtp.envelope import Sender
from gsubmit.smtp.replies import CANNOT_VERIFY, RELAY_BUSY
from gsubmit.smtp.reply import Reply
from gsubmit.turns import Turns

MAX_KEPT = 100  # idle connections
LEARN_PATIENCE = 3.0  # seconds that an EHLO waits for a relay that was never reached
LEARN_AGAIN = 10.0  # seconds before a relay that could not be reached is tried again for an EHLO
REAP_EVERY = 15.0  # seconds between looks at the idle connections
PARK_AFTER = 0.05  # seconds that a client may think before somebody who waits gets its turn
PARK_EVERY = 0.02  # seconds between looks for such a client, while somebody waits

_log = logging.getLogger("gsubmit.relay")


class Relay:
    """The next hop of every message.

    `max_idle_time` in seconds; at most `max_connections` (0: any number) are open at a time; `announced`, when not
    empty, are the keywords to tell clients instead of asking the relay.
    """

    def __init__(
        self, hop: NextHop, max_idle_time: float = 1740.0, max_connections: int = 0, announced: Sequence[str] = ()
    ) -> None:
        self.hop = hop
        self._addresses = Addresses(hop.host)
        self._max_idle_time = max_idle_time
        self._max_connections = max_connections
        self._turns = Turns(max_connections)  # by user
        self._deliveries: set[RelayDelivery] = set()  # those that have a turn
        self._parker: gevent.Greenlet[[], None] | None = None
        self._parking = 0  # turns that are on their way from them
        self.learnt = Learnt()
        self._idle: list[RelayConnection] = []
        self._changes_hands = True  # until the relay takes no second XCLIENT on one connection
        words = {word.upper(): "" for word in announced if word != "none"}
        self._announced = Capabilities(words) if announced else None
        self._capabilities: Capabilities | None = None
        self._learning: gevent.Greenlet[[], None] | None = None
        self._learning_since = 0.0
        self._learn_after = 0.0
        self._is_closed = False
        self._reaper: gevent.Greenlet[[], None] | None = None

    def begin(self, sender: Sender, client: ClientFacts, label: str) -> RelayDelivery:
        """Start a mail transaction for `client`; `label` names it in the log. Raises Refused."""
        return RelayDelivery(self, sender, client, label)

    # What the relay can do

    def capabilities(self) -> Capabilities:
        """What the relay last announced; waits a little for a relay that has not been asked yet."""
        if self._announced is not None:
            return self._announced
        if self._capabilities is None:
            self.learn()
            if self._learning is not None:
                self._learning.join(max(0.0, self._learning_since + LEARN_PATIENCE - time.monotonic()))
        return self._capabilities or NOTHING

    def learn(self) -> None:
        """Connect in the background to hear what the relay announces; the connection is kept."""
        if self._learning is None and time.monotonic() >= self._learn_after:
            self._learning_since = time.monotonic()
            self._learning = gevent.spawn(self._learn)

    def _learn(self) -> None:
        self._learn_after = time.monotonic() + LEARN_AGAIN
        try:
            self.give_back(self.take(None), "")
        except RelayFailed as failure:
            _log.error("relay: %s", failure.why)
        finally:
            self._learning = None

    def verify(self, argument: str, client: ClientFacts) -> Reply:
        """The relay's answer to VRFY, for the client. Raises RelayFailed."""
        connection = self.take(client)
        line = f"VRFY {argument}"
        try:
            try:
                reply = connection.ask(line)
            except RelayFailed as failed:
                if not (failed.lost and connection.is_reused):
                    raise
                connection.close()
                connection = self.dial(client)
                reply = connection.ask(line)
            if not is_answer(reply):
                connection.close()  # to something else
        except RelayFailed:
            connection.close()
            raise
        finally:
            self.give_back(connection, client.login)
        return CANNOT_VERIFY if reply.code in (500, 502) else for_client(reply)

    # Connections: whoever takes one gives it back, in whatever state it is

    def take(self, client: ClientFacts | None) -> RelayConnection:
        """A kept connection that lives, or a new one; waits for its turn. Raises RelayFailed."""
        user = client.login if client is not None else ""
        if self._max_connections and self._turns.busy >= self._max_connections and self._parker is None:
            self._parker = gevent.spawn(self._park)
        if not self._turns.take(self.hop.connect_timeout, user):
            raise RelayFailed(RELAY_BUSY, f"all {self._max_connections} connections to {self.hop} are busy")
        try:
            return self._kept(client) or self.dial(client)
        except BaseException:
            self._turns.give_back(user)
            raise

    # Turns that are held while a client thinks go to those who wait

    def hold(self, delivery: RelayDelivery) -> None:
        """It has a turn; while it rests, that may be given to somebody else."""
        self._deliveries.add(delivery)

    def release(self, delivery: RelayDelivery) -> None:
        """It gives its turn back itself."""
        self._deliveries.discard(delivery)

    def _park(self) -> None:
        """Take turns from those who keep them longest, of the users with the most, until nobody waits."""
        gevent.sleep(0)  # whoever spawned this waits only now
        while self._turns.waiting:
            wanted = max(self._turns.waiting - self._parking, 0)
            last = time.monotonic() - PARK_AFTER
            idle = [delivery for delivery in self._deliveries if 0 < delivery.resting_since <= last]
            idle.sort(key=lambda delivery: (-self._turns.taken_by(delivery.user), delivery.resting_since))
            for delivery in idle[:wanted]:
                self.release(delivery)
                gevent.spawn(self._give_back_parked, delivery.park(), delivery.user)
            gevent.sleep(PARK_EVERY)
        self._parker = None

    def _give_back_parked(self, connection: RelayConnection, user: str) -> None:
        self._parking += 1
        try:
            self.give_back(connection, user)
        finally:
            self._parking -= 1

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
        """The idle connection used last among those that fit best; it is idle no more."""
        if not self._idle:
            return None
        if wanted is None:
            return self._idle.pop()
        for fits in (wanted, None):
            for at in reversed(range(len(self._idle))):
                if self._idle[at].client == fits:
                    return self._idle.pop(at)
        return self._idle.pop() if self._changes_hands else None

    def dial(self, client: ClientFacts | None) -> RelayConnection:
        """A new connection, for somebody who has a turn. Raises RelayFailed."""
        while self._max_connections and self._idle and self._turns.busy + len(self._idle) > self._max_connections:
            self._idle.pop(0).close()
        try:
            connection = open_connection(self.hop, self._addresses, client, self.learnt.left_out)
        except KeywordRefused as refused:
            if refused.keyword in self.learnt.proven:
                raise  # it is about this client
            self.learnt.leave_out(refused.keyword, refused.why)
            connection = open_connection(self.hop, self._addresses, client, self.learnt.left_out)
        if connection.client is not None:
            self.learnt.proven.add("XCLIENT")
        self._capabilities = connection.capabilities
        return connection

    def give_back(self, connection: RelayConnection, user: str) -> None:
        """Keep a connection for the next transaction, and let others have the turn that `user` had."""
        try:
            if connection.has_said_more:
                self.learnt.mistrust(f"{connection} said more than it was asked")
            if not connection.is_in_step or not connection.reset():
                connection.close()
            elif self._is_closed or self._is_of_no_use(connection):
                connection.say_goodbye()
            else:
                connection.mark_idle()
                self._idle.append(connection)
                if self._reaper is None:
                    self._reaper = gevent.spawn(self._reap)
        finally:
            self._turns.give_back(user)

    def _is_of_no_use(self, connection: RelayConnection) -> bool:
        """Whether nobody will want it: there are enough, it takes no more mail, or this relay's cannot be kept."""
        return len(self._idle) >= MAX_KEPT or connection.is_used_up or KEEPING in self.learnt.left_out

    def _is_usable(self, connection: RelayConnection) -> bool:
        """Idle not too long, and silent: whatever an idle relay says, a 421 or the end, it is of no more use."""
        if connection.sock is None or time.monotonic() - connection.idle_since > self._max_idle_time:
            return False
        try:
            connection.check_silence()
        except SaidMore as failed:
            self.learnt.mistrust(failed.why)
        except RelayFailed:
            pass
        else:
            return True
        return False

    def _reap(self) -> None:
        """Close idle connections whose time is over, until none is left."""
        while self._idle:
            gevent.sleep(REAP_EVERY)
            gone = [connection for connection in self._idle if not self._is_usable(connection)]
            self._idle = [connection for connection in self._idle if connection not in gone]
            for connection in gone:
                connection.say_goodbye()
        self._reaper = None

    def leave(self, client: ClientFacts) -> None:
        """The client has gone. Connections that the relay takes for this client's are of no use to any other."""
        if self._changes_hands or not self.hop.trusted:
            return
        for connection in [connection for connection in self._idle if connection.client == client]:
            self._idle.remove(connection)
            gevent.spawn(connection.say_goodbye)

    def close(self) -> None:
        """Say goodbye on every kept connection, and on those in use when they are given back."""
        self._is_closed = True
        if self._reaper is not None:
            self._reaper.kill()
            self._reaper = None
        kept, self._idle = self._idle, []
        gevent.joinall([gevent.spawn(connection.say_goodbye) for connection in kept])
