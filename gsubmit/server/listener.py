"""A port: each connection gets a greenlet, from here to its end."""

from __future__ import annotations

from socket import IPPROTO_TCP, TCP_NODELAY, socket

import gevent
from gevent.server import StreamServer

from gsubmit.logs.rawlog import open_rawlog
from gsubmit.metrics import current
from gsubmit.metrics.figures import CONNECTIONS
from gsubmit.net.proxyprotocol import NotProxied
from gsubmit.server.commands.table import COMMANDS
from gsubmit.server.conversation import converse
from gsubmit.server.door import Door, holder_before_login
from gsubmit.server.endpoints import Endpoints
from gsubmit.server.frontend import FrontEnds
from gsubmit.server.service import Service
from gsubmit.server.session import Session, new_id
from gsubmit.server.wire import Closed, TimedOut, Wire
from gsubmit.smtp.replies import TOO_MANY_CONNECTIONS, closing

LOGIN_TIME = 180.0  # seconds for the whole login
INACTIVITY = 600.0  # seconds without a word from a client that is logged in; RFC 5321 4.5.3.2.7 asks for 300
REFUSAL_TIME = 5.0  # seconds to tell a client that there are too many
MAX_REFUSALS = 50  # clients that are being told at the same time; more are just closed

_ACCEPTED, _FULL, _DROPPED = (CONNECTIONS.at(result) for result in ("accepted", "full", "dropped"))


def _plain(address: str) -> str:
    """An address without the scope that link-local ones carry."""
    return address.partition("%")[0]


class Listener:
    """Accepts on one bound socket; `implicit_tls` is port 465's way (RFC 8314 3.3).

    With `haproxy` each connection begins with a PROXY header, and is its client's from then on.
    """

    def __init__(self, sock: socket, service: Service, door: Door, *, implicit_tls: bool, haproxy: bool) -> None:
        self.service = service
        self._door = door
        self._implicit_tls = implicit_tls
        self._server = StreamServer(sock, self.handle)
        self._front_ends = FrontEnds(f"port {self.port}") if haproxy else None

    def start(self) -> None:
        """Accept connections from now on."""
        self._server.start()

    def close(self) -> None:
        """Accept nobody from now on; the connections there are stay."""
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
            ends = Endpoints(_plain(peer[0]), peer[1], _plain(local[0]), local[1])
            if self._front_ends is not None:
                ends = self._front_ends.introduced(sock, ends, self.service, self._door.client_limit)
        except (OSError, NotProxied):
            current.row[_DROPPED] += 1
            sock.close()
            return
        if self._door.is_full and not self._door.evict_for(holder_before_login(ends.remote_ip, self.service)):
            self._refuse(sock)
            return
        current.row[_ACCEPTED] += 1
        id = new_id()
        rawlog = open_rawlog(self.service.settings.server.rawlog_dir, "client", id)
        wire = Wire(sock, INACTIVITY, rawlog, COMMANDS)
        login_timer = gevent.Timeout(LOGIN_TIME, TimedOut)  # timeouts of the socket begin anew with each octet
        session = Session(wire, self.service, ends, login_timer, id)
        self._door.enter(session, gevent.getcurrent())  # type: ignore[arg-type]
        try:
            converse(session, implicit_tls=self._implicit_tls)
        finally:
            login_timer.close()
            self._door.leave(session)
            wire.close()

    def _refuse(self, sock: socket) -> None:
        """421, when few others are being told so, and the connection ends."""
        door = self._door
        current.row[_FULL] += 1
        wire = Wire(sock, REFUSAL_TIME)
        door.log_refusals()
        door.refusals += 1
        try:
            if door.refusals <= MAX_REFUSALS:
                if self._implicit_tls and self.service.tls is not None:
                    wire.start_tls(self.service.tls.context(sock.getsockname()[0]), REFUSAL_TIME)
                wire.send(closing(TOO_MANY_CONNECTIONS, self.service.hostname))
                wire.flush()
        except (Closed, TimedOut):
            pass
        finally:
            door.refusals -= 1
            wire.close()
