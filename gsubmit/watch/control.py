"""The control socket: whoever may connect asks for one thing after the other, in lines of JSON.

{"command": "who", "mask": "jo"}        a request: its command, and what that takes
{"user": "jo", ...}                     the answer: any number of objects,
{"end": true}                           and the end, or {"error": "why"} in its place
{"worker": 3, "pid": 123}               a worker says who it is, and from there on it is asked, in the same way
"""

from __future__ import annotations

import time
from contextlib import suppress
from socket import socket

from gevent.pool import Pool
from gevent.server import StreamServer

from gsubmit.watch.answers import Commands, answered
from gsubmit.watch.lines import BadLine, Lines, Object
from gsubmit.watch.workers import Workers

MAX_CLIENTS = 50  # at the same time, workers not counted
IDLE_TIME = 60.0  # seconds for the next whole request


class Control:
    """Serves `commands` at a bound socket (see Place). Without `workers` none is taken in."""

    def __init__(self, sock: socket, commands: Commands, workers: Workers | None = None) -> None:
        self._commands = commands
        self._workers = workers
        self._clients = 0
        self._server = StreamServer(sock, self._handle, spawn=Pool())

    def start(self) -> None:
        """Accept connections from now on."""
        self._server.start()

    def close(self) -> None:
        """Accept no more, and end all connections."""
        self._server.stop(timeout=0)

    def _handle(self, sock: socket, _: object) -> None:
        lines = Lines(sock)
        self._clients += 1
        try:
            with suppress(OSError):  # it has gone, or is too slow
                self._serve(lines)
        finally:
            self._clients -= 1
            lines.close()

    def _serve(self, lines: Lines) -> None:
        if self._clients > MAX_CLIENTS:
            lines.write([{"error": "too many ask at the same time"}])
            return
        while True:
            try:
                request = lines.read(time.monotonic() + IDLE_TIME)
                if request is None:
                    return
                if "worker" in request and self._workers is not None:
                    self._hear(request, self._workers, lines)
                    return
                lines.write(answered(request, self._commands))
            except BadLine as bad:
                lines.write([{"error": str(bad)}])

    def _hear(self, hello: Object, workers: Workers, lines: Lines) -> None:
        """A worker is no client: it stays."""
        self._clients -= 1
        try:
            workers.serve(hello, lines)
        finally:
            self._clients += 1
