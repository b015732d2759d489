"""A port: each connection gets a greenlet, from here to its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from socket import AF_INET6, IPPROTO_IPV6, IPPROTO_TCP, IPV6_V6ONLY, SO_REUSEADDR, SOL_SOCKET, TCP_NODELAY, socket

import gevent
from gevent.server import StreamServer

from gsubmit.rawlog import open_rawlog
from gsubmit.server import journal
from gsubmit.server.conversation import Interrupted, converse
from gsubmit.server.session import Endpoints, Session
from gsubmit.server.wire import Closed, TimedOut, Wire
from gsubmit.service import Service
from gsubmit.smtp.replies import SHUTTING_DOWN, TOO_MANY_CONNECTIONS
from gsubmit.smtp.reply import Reply

BACKLOG = 1024
LOGIN_TIME = 180.0  # seconds for the whole login
INACTIVITY = 600.0  # seconds without a word from a client that is logged in; RFC 5321 4.5.3.2.7 asks for 300
REFUSAL_TIME = 5.0  # seconds to tell a client that there are too many
COMPLAIN_EVERY = 60.0  # seconds between lines about refused clients
TIME_TO_BEGIN = 10.0  # seconds after which a client that has not logged in makes room for another
MAX_REFUSALS = 50  # clients that are being told at the same time; more are just closed
_log = logging.getLogger("gsubmit")


@dataclass
class Door:
    """Who is in: the sessions of all listeners, and how many there may be."""

    client_limit: int
    sessions: dict[Session, gevent.Greenlet[..., None]] = field(default_factory=dict)
    leaving: set[Session] = field(default_factory=set)  # those that were sent away
    refusals: int = 0
    _complained: float = -3600.0

    @property
    def is_full(self) -> bool:
        """Whether one more client is one too many."""
        return len(self.sessions) >= self.client_limit

    def complain(self) -> None:
        """Say in the log, once in a while, that clients are refused."""
        if time.monotonic() - self._complained >= COMPLAIN_EVERY:
            self._complained = time.monotonic()
            _log.warning("client_limit = %d is reached, clients are refused", self.client_limit)

    def stop_idle(self) -> None:
        """Say 421 to sessions that wait for a command; the others hear it after their transaction."""
        for session, greenlet in list(self.sessions.items()):
            session.is_stopping = True
            gevent.get_hub().loop.run_callback(_interrupt, session, greenlet, SHUTTING_DOWN)

    def make_room(self) -> bool:
        """Send away who has been here longest without logging in; False when there is none such.

        Who waits to be asked for a password, or for the end of a penalty, takes a place too, but the idle go first.
        """
        session = next(self._strangers(only_idle=True), None) or next(self._strangers(only_idle=False), None)
        if session is None:
            return False
        session.is_waiting = False
        self.leaving.add(session)
        gevent.get_hub().loop.run_callback(_send_away, session, self.sessions[session])
        return True

    def _strangers(self, *, only_idle: bool) -> Iterator[Session]:
        """Who could have logged in by now and has not, the first to come first."""
        for session in self.sessions:
            is_stranger = session.identity is None and session.age > TIME_TO_BEGIN
            is_leaving = session.end != journal.BY_CLIENT or session in self.leaving
            if is_stranger and not is_leaving and (session.is_waiting or not only_idle):
                yield session


def _interrupt(session: Session, greenlet: gevent.Greenlet[..., None], reply: Reply) -> None:
    """Runs in the hub, so that the session cannot begin something between the question and the throw."""
    if session.is_waiting:
        _throw(greenlet, reply)


def _send_away(session: Session, greenlet: gevent.Greenlet[..., None]) -> None:
    if session.identity is None:  # it may have logged in at the last moment
        _throw(greenlet, TOO_MANY_CONNECTIONS)


def _throw(greenlet: gevent.Greenlet[..., None], reply: Reply) -> None:
    if not greenlet.dead:
        greenlet.throw(Interrupted(reply))


def bind(address: str, port: int) -> socket:
    """A listening socket on `address` (`*` and `::` are all of IPv4 and of IPv6). Raises OSError."""
    host = "0.0.0.0" if address == "*" else address.strip("[]")  # noqa: S104 - what the administrator asked for
    sock = socket(AF_INET6) if ":" in host else socket()
    try:
        sock.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        if sock.family == AF_INET6:
            sock.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _start_login_timer() -> Callable[[], None]:
    """One timer for all of the login: timeouts of the socket begin anew with each octet."""
    return gevent.Timeout.start_new(LOGIN_TIME, TimedOut).close


def _plain(address: str) -> str:
    """An address without the scope that link-local ones carry."""
    return address.partition("%")[0]


class Listener:
    """Accepts on one bound socket; `implicit_tls` is port 465's way (RFC 8314 3.3)."""

    def __init__(self, sock: socket, service: Service, door: Door, *, implicit_tls: bool) -> None:
        self.service = service
        self._door = door
        self._implicit_tls = implicit_tls
        self._server = StreamServer(sock, self.handle)

    def start(self) -> None:
        """Accept connections from now on."""
        self._server.start()

    def close(self) -> None:
        """Accept no more; the connections there are stay."""
        self._server.close()

    @property
    def port(self) -> int:
        """The port number, also when port 0 was asked for."""
        return int(self._server.address[1])

    def handle(self, sock: socket, peer: tuple[str, int]) -> None:
        """One connection."""
        try:
            sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            local = sock.getsockname()
        except OSError:
            sock.close()
            return
        if self._door.is_full and not self._door.make_room():
            self._refuse(sock)
            return
        rawlog = open_rawlog(self.service.settings.server.rawlog_dir)
        wire = Wire(sock, INACTIVITY, rawlog)
        ends = Endpoints(_plain(peer[0]), peer[1], _plain(local[0]), local[1])
        session = Session(wire, self.service, ends, _start_login_timer)
        self._door.sessions[session] = gevent.getcurrent()  # type: ignore[assignment]
        try:
            converse(session, implicit_tls=self._implicit_tls)
        finally:
            del self._door.sessions[session]
            self._door.leaving.discard(session)
            wire.close()

    def _refuse(self, sock: socket) -> None:
        """421, when few others are being told so, and the connection ends."""
        door = self._door
        wire = Wire(sock, REFUSAL_TIME)
        door.complain()
        door.refusals += 1
        try:
            if door.refusals <= MAX_REFUSALS:
                if self._implicit_tls and self.service.tls is not None:
                    wire.start_tls(self.service.tls.context(sock.getsockname()[0]), REFUSAL_TIME)
                text = f"{self.service.hostname} {TOO_MANY_CONNECTIONS.text}"
                wire.send(Reply(TOO_MANY_CONNECTIONS.code, TOO_MANY_CONNECTIONS.status, text))
                wire.flush()
        except (Closed, TimedOut):
            pass
        finally:
            door.refusals -= 1
            wire.close()
