"""The sessions: how many there may be, and which is evicted when one more comes or the server stops."""

from __future__ import annotations

import heapq
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import gevent

from gsubmit.auth.penalty import network_of
from gsubmit.metrics import current
from gsubmit.metrics.board import Board
from gsubmit.metrics.figures import OPEN_CONNECTIONS
from gsubmit.server.service import Service
from gsubmit.server.session import Session
from gsubmit.server.waiting import Awaits, Interrupted
from gsubmit.smtp.replies import SHUTTING_DOWN, TOO_MANY_CONNECTIONS
from gsubmit.smtp.reply import Reply

LOG_EVERY = 60.0  # seconds between lines about refused clients
TIME_TO_BEGIN = 10.0  # seconds after which a client that has not logged in may be evicted for another
RENEW_EVERY = 0.1  # seconds between looks at who has logged in, while it is full
LOOKED_AT = 3  # of those who hold most
# A user keeps this part of all places, whoever else wants in, and is not cut off within a message up to that part.
IDLE_SHARE = 20
LEAST_SHARE = 2  # places, however few there are
BUSY_SHARE = 4

_OPEN = OPEN_CONNECTIONS.at()
_STAYS = 4  # a rank above those of all who may have to go
Greenlet: TypeAlias = "gevent.Greenlet[..., None]"
Holder = tuple[str, str]  # what kind, and its name: who is counted as one
_log = logging.getLogger("gsubmit")


def holder_before_login(address: str, service: Service) -> Holder:
    """Who somebody is that has not logged in: the network, or anybody where that has many users, such as webmail."""
    return ("trusted", "") if service.trusts(address) else ("network", network_of(address))


def _holder(session: Session) -> Holder:
    if session.login is not None:
        return "user", session.login.identity.user
    return ("session", session.id) if session.is_trusted else ("network", session.network)


class _Places:
    """Which sessions each holder has, the first to come first."""

    def __init__(self) -> None:
        self._held: dict[Holder, dict[Session, None]] = {}
        self._holders: dict[Session, Holder] = {}
        self._renewed = 0.0

    def take(self, session: Session) -> None:
        holder = self._holders[session] = _holder(session)
        self._held.setdefault(holder, {})[session] = None

    def give_back(self, session: Session) -> None:
        holder = self._holders.pop(session, None)
        if holder is not None:
            del self._held[holder][session]
            if not self._held[holder]:
                del self._held[holder]

    def renew(self) -> None:
        """Note who has logged in since the last look."""
        if time.monotonic() - self._renewed < RENEW_EVERY:
            return
        self._renewed = time.monotonic()
        for session, holder in list(self._holders.items()):
            if _holder(session) != holder:
                self.give_back(session)
                self.take(session)

    def held_by(self, holder: Holder) -> int:
        return len(self._held.get(holder, ()))

    def held_beside(self, session: Session) -> int:
        """How many its holder has, with this one."""
        return self.held_by(self._holders[session])

    def largest(self) -> Iterable[dict[Session, None]]:
        """What they hold who hold most, the largest first."""
        return heapq.nlargest(LOOKED_AT, self._held.values(), key=len)


@dataclass
class Door:
    """The sessions of all listeners. With a board, the limit is for all processes that count there."""

    client_limit: int
    board: Board | None = None
    sessions: dict[Session, Greenlet] = field(default_factory=dict)
    evicted: set[Session] = field(default_factory=set)  # those that have not left yet
    refusals: int = 0
    octets_in: int = 0  # of those that have left
    octets_out: int = 0
    _logged: float = -3600.0
    _places: _Places = field(default_factory=_Places)

    @property
    def is_full(self) -> bool:
        """Whether one more client is one too many."""
        there = len(self.sessions) if self.board is None else self.board.total(_OPEN)
        return there >= self.client_limit  # one more for each process, when they take the last places at once

    def enter(self, session: Session, greenlet: Greenlet) -> None:
        """Somebody is in."""
        self.sessions[session] = greenlet
        current.row[_OPEN] = len(self.sessions)
        self._places.take(session)

    def leave(self, session: Session) -> None:
        """Somebody has gone."""
        del self.sessions[session]
        current.row[_OPEN] = len(self.sessions)
        self.octets_in += session.wire.octets_in
        self.octets_out += session.wire.octets_out
        self.evicted.discard(session)
        self._places.give_back(session)

    def log_refusals(self) -> None:
        """Say in the log, once in a while, that clients are refused."""
        if time.monotonic() - self._logged >= LOG_EVERY:
            self._logged = time.monotonic()
            _log.warning(
                "process_limit and client_limit are reached: %d clients; others are refused", self.client_limit
            )

    # One more

    def evict_for(self, newcomer: Holder) -> bool:
        """Evict somebody for a newcomer; False when all others have more right to be here.

        The place is taken from whoever holds most, a network or a user, if that is more than the newcomer would
        then hold; else from who has been here longest without a login.
        """
        if len(self.evicted) >= self.client_limit:
            return False
        self._places.renew()
        session = self._of_those_with_most(newcomer) or self._slow_at_login(newcomer)
        if session is None:
            return False
        self._places.give_back(session)
        self.evicted.add(session)
        gevent.get_hub().loop.run_callback(self._evict, session)
        return True

    def _of_those_with_most(self, newcomer: Holder) -> Session | None:
        for held in self._places.largest():
            if len(held) < self._places.held_by(newcomer) + 2:
                return None
            ranks = ((self._rank(session, len(held)), at, session) for at, session in enumerate(held))
            rank, _, session = min(ranks)
            if rank < _STAYS:
                return session
        return None

    def _rank(self, session: Session, held: int) -> int:
        """Who goes first of those with the same holder; who waits for the end of a penalty, say, has a place too."""
        if session.login is None:
            return 0 if session.wire.awaits is Awaits.COMMAND else 1
        if held <= max(self.client_limit // IDLE_SHARE, LEAST_SHARE) or session.wire.awaits is Awaits.NOTHING:
            return _STAYS  # what it waits for is not the client: a relay may have its message
        if session.transaction is None and session.wire.awaits is not Awaits.CONTENT:
            return 2
        return 3 if held > self.client_limit // BUSY_SHARE else _STAYS

    def _slow_at_login(self, newcomer: Holder) -> Session | None:
        """Who could have logged in by now and has not; the idle go first. Nobody pushes out who holds less."""
        own = self._places.held_by(newcomer)
        busy: Session | None = None
        for session in self._all_slow_at_login():
            if self._places.held_beside(session) >= own:
                if session.wire.awaits is Awaits.COMMAND:
                    return session
                busy = busy or session
        return busy

    def _all_slow_at_login(self) -> Iterator[Session]:
        for session in self.sessions:
            if session.age <= TIME_TO_BEGIN:
                return
            if session.login is None and not session.is_over and session not in self.evicted:
                yield session

    def _evict(self, session: Session) -> None:
        """Runs in the hub, so that the session cannot begin something between the question and the throw."""
        greenlet = self.sessions.get(session)
        if greenlet is None:
            return
        if session.login is None or session.wire.awaits is not Awaits.NOTHING:
            _throw(session, greenlet, TOO_MANY_CONNECTIONS)
        else:  # it has logged in, or gone to work, at the last moment
            self.evicted.discard(session)
            self._places.take(session)

    # The end

    def stop_waiting(self) -> None:
        """Say 421 to sessions that wait for a command, whatever came before it; the others go on."""
        for session, greenlet in list(self.sessions.items()):
            session.is_stopping = True
            gevent.get_hub().loop.run_callback(_stop_if_waiting, session, greenlet)

    def stop_idle(self) -> None:
        """Say 421 to sessions without a message that wait for a command; the others go on."""
        for session, greenlet in list(self.sessions.items()):
            gevent.get_hub().loop.run_callback(_stop_if_idle, session, greenlet)

    def stop_all(self) -> None:
        """Say 421 to all, whatever they do."""
        for session, greenlet in list(self.sessions.items()):
            gevent.get_hub().loop.run_callback(_throw, session, greenlet, SHUTTING_DOWN)


def _stop_if_waiting(session: Session, greenlet: Greenlet) -> None:
    if session.wire.awaits in (Awaits.COMMAND, Awaits.RESPONSE):
        _throw(session, greenlet, SHUTTING_DOWN)


def _stop_if_idle(session: Session, greenlet: Greenlet) -> None:
    if session.transaction is None and session.wire.awaits is Awaits.COMMAND:
        session.is_stopping = True
        _throw(session, greenlet, SHUTTING_DOWN)


def _throw(session: Session, greenlet: Greenlet, reply: Reply) -> None:
    if not (greenlet.dead or session.is_over):
        greenlet.throw(Interrupted(reply))
