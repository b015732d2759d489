"""Octets between a client and its backend, both ways at once, untouched."""

from __future__ import annotations

import random
import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

from gsubmit.fairness import let_others_run

BLOCK = 65536  # octets taken at a time, and the most that wait on one way
BLOCKS_IN_A_ROW = 16  # of one way, before the other has its turn
STALL_TIME = 600.0  # seconds in which whoever has octets waiting must take some
CLOSING_TIME = 5.0  # seconds for the client to close once its backend has
LAST_REPLY = 600.0  # seconds for the backend to end once the client has; it may have a message to deliver

_MAX_REPLY = 1024  # octets; larger blocks from a backend are not looked at
_GO_AHEAD = b"354"
_BYE = (b"221", b"421")


class Way:
    """One direction: a source, a target, and what was taken from the one and not given to the other yet."""

    __slots__ = ("awaited", "event", "has_ended", "last", "octets", "pending", "source", "target")

    def __init__(self, source: socket.socket, target: socket.socket, ahead: bytes) -> None:
        self.source = source
        self.target = target
        self.pending: bytes | memoryview = ahead
        self.octets = len(ahead)
        self.last = b""  # the block taken last, if it may be a reply
        self.has_ended = False
        self.awaited: socket.socket | None = None  # None: there is more to do at once
        self.event = 0

    def move(self) -> bool:
        """Move what can be moved now, or a part of it; whether any was. Raises OSError: the target has gone."""
        self.awaited = None
        for number in range(BLOCKS_IN_A_ROW):
            if self.pending:
                if not self._give():
                    return number > 0
            elif not self._take():
                return number > 0
        return True

    def _give(self) -> bool:
        try:
            sent = self.target.send(self.pending)
        except (BlockingIOError, ssl.SSLWantWriteError):
            self.awaited, self.event = self.target, select.POLLOUT
            return False
        except ssl.SSLWantReadError:
            self.awaited, self.event = self.target, select.POLLIN
            return False
        self.pending = memoryview(self.pending)[sent:] if sent < len(self.pending) else b""
        return True

    def _take(self) -> bool:
        try:
            octets = self.source.recv(BLOCK)
        except (BlockingIOError, ssl.SSLWantReadError):
            self.awaited, self.event = self.source, select.POLLIN
            return False
        except ssl.SSLWantWriteError:
            self.awaited, self.event = self.source, select.POLLOUT
            return False
        except (OSError, ValueError):  # broken; TLS that has ended both ways is a ValueError
            octets = b""
        if not octets:
            self.has_ended = True
            _shut(self.target)
            return False
        self.octets += len(octets)
        self.last = octets if len(octets) <= _MAX_REPLY else b""
        self.pending = octets
        return True


class Pump:
    """Both ways of one client. `note` is told whether the client is between two commands, each time that changes.

    That is a guess from the octets: the backend's reply was the last that was said, and it ends.
    """

    __slots__ = ("_is_between", "_note", "down", "ended_by", "moved_at", "up")

    def __init__(
        self,
        client: socket.socket,
        backend: socket.socket,
        from_client: bytes = b"",
        from_backend: bytes = b"",
        note: Callable[[bool], None] = lambda _: None,
    ) -> None:
        client.settimeout(0)
        backend.settimeout(0)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # nobody else would notice a client that is gone
        self.up = Way(client, backend, from_client)
        self.down = Way(backend, client, from_backend)
        self.ended_by = ""  # client or server, whoever was the first
        self.moved_at = time.monotonic()
        self._note = note
        self._is_between: bool | None = None

    @property
    def is_between(self) -> bool:
        """Whether the client is between two commands, as far as one can see."""
        return bool(self._is_between)

    @property
    def idle(self) -> float:
        """Seconds since the last octet."""
        return time.monotonic() - self.moved_at

    def run(self) -> str:
        """Pump until both have closed, or one has gone; why it ended."""
        self._see(self.down.last or b"235 \r\n")
        ready = [self.up, self.down]
        while True:
            for way in ready:
                try:
                    if way.move():
                        self.moved_at = time.monotonic()
                        self._look(way)
                except (OSError, ValueError) as error:
                    self._end("server" if way is self.up else "client")
                    return getattr(error, "strerror", None) or str(error)
                if way.has_ended:
                    self._end("client" if way is self.up else "server")
            if self.up.has_ended and self.down.has_ended:
                return "Connection closed"
            ready = self._await()
            if not ready:
                return "Connection closed" if self.ended_by else "no octet was taken in time"

    def _end(self, side: str) -> None:
        self.ended_by = self.ended_by or side

    def _look(self, way: Way) -> None:
        if way is self.up:
            self._tell(False)
        else:
            self._see(way.last)

    def _see(self, reply: bytes) -> None:
        line = reply[reply.rfind(b"\n", 0, -1) + 1 :]
        self._tell(line.endswith(b"\r\n") and line[3:4] != b"-" and not line.startswith(_GO_AHEAD))

    def _tell(self, is_between: bool) -> None:
        if is_between is not self._is_between:
            self._is_between = is_between
            self._note(is_between)

    def _await(self) -> list[Way]:
        """The ways on which something can be done now; none after a time in which something had to be."""
        live = [way for way in (self.up, self.down) if not way.has_ended]
        if more := [way for way in live if way.awaited is None]:
            let_others_run()
            return more
        wanted: dict[socket.socket, int] = {}
        for way in live:
            assert way.awaited is not None
            wanted[way.awaited] = wanted.get(way.awaited, 0) | way.event
        poll = select.poll()
        for sock, events in wanted.items():
            poll.register(sock, events)
        happened = dict(poll.poll(self._timeout()))
        return [way for way in live if way.awaited is not None and way.awaited.fileno() in happened]

    def _timeout(self) -> float | None:
        """Milliseconds to wait; None for ever: how long a client may be idle is the backend's matter."""
        if self.down.has_ended:
            return CLOSING_TIME * 1000
        if self.up.has_ended:
            return LAST_REPLY * 1000
        return STALL_TIME * 1000 if self.up.pending or self.down.pending else None

    def was_dropped(self) -> bool:
        """Whether the backend has closed without a goodbye, as many do at the same time when it dies."""
        return self.ended_by == "server" and not self.down.last.startswith(_BYE)


def spread(longest: float) -> None:
    """Wait a random time, so that not all clients of a backend that has died come back at once."""
    if longest > 0:
        time.sleep(random.uniform(0, longest))  # noqa: S311 - no secret


def _shut(target: socket.socket) -> None:
    """Pass on that nothing more comes; what the target still says can be heard."""
    with suppress(OSError, ValueError):
        if isinstance(target, ssl.SSLSocket):
            target.unwrap()  # sends close_notify, and does not wait for the other's
    with suppress(OSError):
        socket.socket.shutdown(target, socket.SHUT_WR)  # that of TLS sockets would end reading too
