"""A socket on which two sides speak in turn, and one waits for the other again and again."""

from __future__ import annotations

import select
import ssl
import time
from math import inf
from socket import socket
from typing import Any

import gevent

from gsubmit.net.sending import await_event, send_some
from gsubmit.tls.tlssocket import TlsSocket

_READABLE = 1  # libev's EV_READ


class Talk:
    """Octets of one socket, each call within a deadline on the clock of time.monotonic. Everything raises OSError.

    All waits have one watcher and one timer, where gevent's own recv makes a Timeout for each. The timer is set anew
    only when a wait is to end before it. When it comes too early for the wait that is on, it is set for the rest of
    that: with waits of ten minutes once in ten minutes. One greenlet at a time may wait.
    """

    __slots__ = ("_deadline", "_due", "_has_spoken", "_hub", "_readable", "_timer", "_waiting", "sock")

    def __init__(self, sock: socket) -> None:
        sock.settimeout(0)
        self.sock = sock  # or what TLS makes of it: the same descriptor, which does not block
        self._has_spoken = False  # since the last octets came: as a rule the other side waits for that
        self._hub: Any = gevent.get_hub()
        self._readable = self._hub.loop.io(sock.fileno(), _READABLE)
        self._timer: Any = None
        self._due = inf  # when the timer comes
        self._waiting: Any = None  # the greenlet
        self._deadline = 0.0  # of its wait

    def receive(self, size: int, deadline: float) -> bytes:
        """The next octets, none at the end. When we have just spoken, the answer is not here yet: then wait first."""
        if self._has_spoken and not (isinstance(self.sock, TlsSocket) and self.sock.has_octets):
            self._wait(deadline)
        self._has_spoken = False
        while True:
            try:
                return self.sock.recv(size)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait(deadline)
            except ssl.SSLWantWriteError:
                await_event(self.sock, select.POLLOUT, deadline - time.monotonic())

    def send(self, octets: bytes, deadline: float) -> None:
        """All of them."""
        self._has_spoken = True
        sent = send_some(self.sock, octets)
        if sent < len(octets):
            rest = memoryview(octets)[sent:]
            while rest:
                await_event(self.sock, select.POLLOUT, deadline - time.monotonic())
                rest = rest[send_some(self.sock, rest) :]

    def close(self) -> None:
        """Close the socket; may be called twice."""
        if self._timer is not None:
            self._timer.close()
            self._timer = None
        self._readable.close()
        self.sock.close()

    def _wait(self, deadline: float) -> None:
        self._deadline = deadline
        if deadline < self._due:
            self._set(deadline - time.monotonic())
        self._waiting = gevent.getcurrent()
        try:
            self._hub.wait(self._readable)
        finally:
            self._waiting = None

    def _set(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.close()
        self._due = self._deadline
        self._timer = self._hub.loop.timer(max(seconds, 0.0))
        self._timer.start(self._look, update=True)

    def _look(self) -> None:
        """The timer's time has come. Runs in the hub."""
        self._due = inf
        if self._waiting is not None:
            left = self._deadline - time.monotonic()
            if left > 0:
                self._set(left)
            else:
                self._waiting.throw(TimeoutError("timed out"))
