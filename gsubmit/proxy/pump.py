"""Octets between a client and its backend, both ways at once, untouched."""

from __future__ import annotations

import random
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent
from gevent.hub import Waiter

from gsubmit.fairness import let_others_run
from gsubmit.tls.tlssocket import MAX_RECORD, TlsSocket

BLOCK = 65536  # octets taken at a time, and the most that wait on one way
BLOCKS_IN_A_ROW = 16  # of one way, before the other has its turn
STALL_TIME = 600.0  # seconds in which whoever has octets waiting must take some
CLOSING_TIME = 5.0  # seconds for the client to close once its backend has
LAST_REPLY = 600.0  # seconds for the backend to end once the client has; it may have a message to deliver

_MAX_REPLY = 1024  # octets; larger blocks from a backend are not looked at
_GO_AHEAD = b"354"
_BYE = (b"221", b"421")
_READABLE, _WRITABLE = 1, 2  # as gevent's loop has them


class Way:
    """One direction: a source, a target, and what was taken from the one and not given to the other yet."""

    __slots__ = ("_most", "has_ended", "last", "octets", "pending", "source", "target", "wants")

    def __init__(self, source: socket.socket, target: socket.socket, ahead: bytes) -> None:
        self.source = source
        self.target = target
        self.pending: bytes | memoryview = ahead
        self.octets = len(ahead)
        self.last = ahead if len(ahead) <= _MAX_REPLY else b""  # what was taken last, if it may be a reply
        self.has_ended = False
        self.wants: tuple[socket.socket, int] | None = None  # what to wait for; None: there is more to do at once
        self._most = MAX_RECORD if isinstance(source, ssl.SSLSocket) else BLOCK  # that one call brings

    def move(self) -> bool:
        """Move what can be moved now, or a part of it; whether any was. Raises OSError: the target has gone."""
        has_moved = False
        for _ in range(BLOCKS_IN_A_ROW):
            let_others_run()  # a block of TLS may have taken a hundred records
            if not self.pending and not self._take():
                break
            before = len(self.pending)
            is_given = self._give()
            has_moved = has_moved or len(self.pending) < before
            if not is_given:
                break
        return has_moved

    def _give(self) -> bool:
        try:
            sent = self.target.send(self.pending)
        except (BlockingIOError, ssl.SSLWantWriteError):
            self.wants = self.target, _WRITABLE
            return False
        except ssl.SSLWantReadError:
            self.wants = self.target, _READABLE
            return False
        if sent < len(self.pending):
            self.pending = memoryview(self.pending)[sent:]
            self.wants = self.target, _WRITABLE
            return False
        self.pending = b""
        return True

    def _take(self) -> bool:
        """A block, or what there is of it; of TLS as many records as make one."""
        self.wants = None
        octets = self._receive()
        if not octets:
            return False
        if self._most < BLOCK:
            pieces = [octets]
            while len(pieces) * self._most < BLOCK and (more := self._receive()):
                pieces.append(more)
            octets = b"".join(pieces)
        self.octets += len(octets)
        self.last = octets if len(octets) <= _MAX_REPLY else b""
        self.pending = octets
        return True

    def _receive(self) -> bytes:
        """What has come; nothing where that has to be waited for, or will never be."""
        try:
            octets = self.source.recv(self._most)
        except (BlockingIOError, ssl.SSLWantReadError):
            self.wants = self.source, _READABLE
            return b""
        except ssl.SSLWantWriteError:
            self.wants = self.source, _WRITABLE
            return b""
        except (OSError, ValueError):  # broken; TLS that has ended both ways is a ValueError
            octets = b""
        self.has_ended = not octets
        return octets


class Pump:
    """Both ways of one client. `note` is told whether the client is between two commands, each time that changes.

    That is a guess from the octets: the backend's reply was the last that was said, and it ends. A client whose backend
    has gone without a goodbye hears of it up to `delay` seconds later.
    """

    __slots__ = ("_delay", "_note", "down", "ended_by", "is_between", "moved_at", "up")

    def __init__(
        self,
        client: socket.socket,
        backend: socket.socket,
        from_client: bytes = b"",
        from_backend: bytes = b"",
        note: Callable[[bool], None] = lambda _: None,
        delay: float = 0.0,
    ) -> None:
        client.settimeout(0)
        backend.settimeout(0)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # nobody else would notice a client that is gone
        self.up = Way(client, backend, from_client)
        self.down = Way(backend, client, from_backend)
        self.ended_by = ""  # client or server, whoever was the first
        self.moved_at = time.monotonic()
        self.is_between = False  # whether the client is between two commands, as far as one can see
        self._note = note
        self._delay = delay

    @property
    def idle(self) -> float:
        """Seconds since the last octet."""
        return time.monotonic() - self.moved_at

    def run(self) -> str:
        """Pump until both have closed, or one has gone; why it ended."""
        self._tell(not self.up.pending)
        ready = [self.up, self.down]
        while True:
            for way in ready:
                try:
                    if way.move():
                        self._look(way)
                except (OSError, ValueError) as error:
                    self._end("server" if way is self.up else "client")
                    return getattr(error, "strerror", None) or str(error)
                if way.has_ended and not way.pending:
                    self._end("client" if way is self.up else "server")
                    _shut(way.target)
            live = [way for way in (self.up, self.down) if way.pending or not way.has_ended]
            if not live:
                return "Connection closed"
            ready = [way for way in live if way.wants is None]
            if not ready:
                if (can_go_on := self._await(live)) is None:
                    return "Connection closed" if self.ended_by else "no octet was taken in time"
                ready = [can_go_on]

    def was_dropped(self) -> bool:
        """Whether the backend has closed without a goodbye, as many do at the same time when it dies."""
        return self.ended_by == "server" and not self.down.last.startswith(_BYE)

    def _end(self, side: str) -> None:
        if not self.ended_by:
            self.ended_by = side
            if self.was_dropped():
                _spread(self._delay)

    def _look(self, way: Way) -> None:
        """Note what was moved: a whole reply, or something else."""
        self.moved_at = time.monotonic()
        last = way.last
        is_between = (
            way is self.down
            and not way.pending
            and last.endswith(b"\r\n")
            and last[(start := last.rfind(b"\n", 0, -1) + 1) + 3 : start + 4] != b"-"
            and not last.startswith(_GO_AHEAD, start)
        )
        if is_between is not self.is_between:
            self._tell(is_between)

    def _tell(self, is_between: bool) -> None:
        self.is_between = is_between
        self._note(is_between)

    def _await(self, live: list[Way]) -> Way | None:
        """The way on which something can be done now; None after a time in which something had to be."""
        hub = gevent.get_hub()
        waiter: Waiter[Way] = Waiter(hub)
        watchers: list[Any] = []
        seconds = self._timeout()
        timer = gevent.Timeout.start_new(seconds) if seconds is not None else None
        try:
            for way in live:
                assert way.wants is not None
                sock, event = way.wants
                watcher = hub.loop.io(sock.fileno(), event)
                watchers.append(watcher)
                watcher.start(waiter.switch, way)
            return waiter.get()
        except gevent.Timeout as expired:
            if expired is not timer:
                raise
            return None
        finally:
            if timer is not None:
                timer.close()
            for watcher in watchers:
                watcher.stop()
                watcher.close()

    def _timeout(self) -> float | None:
        """Seconds to wait; None for ever: how long a client may be idle is the backend's matter."""
        if self.down.has_ended:
            return CLOSING_TIME
        if self.up.has_ended:
            return LAST_REPLY
        return STALL_TIME if self.up.pending or self.down.pending else None


def _spread(longest: float) -> None:
    """Wait a random time, so that not all clients of a backend that has died come back at once."""
    if longest > 0:
        time.sleep(random.uniform(0, longest))  # noqa: S311 - no secret


def _shut(target: socket.socket) -> None:
    """Pass on that nothing more comes; what the target still says can be heard."""
    with suppress(OSError, ValueError):
        if isinstance(target, TlsSocket):
            target.say_end()
    with suppress(OSError):
        socket.socket.shutdown(target, socket.SHUT_WR)  # that of TLS sockets would end reading too
