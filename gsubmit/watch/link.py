"""A worker's connection to the control socket, on which it is asked."""

from __future__ import annotations

import os
import time
from contextlib import closing, suppress
from socket import AF_UNIX, SOCK_STREAM, socket

import gevent

from gsubmit.watch.answers import Commands, answered
from gsubmit.watch.lines import BadLine, Lines
from gsubmit.watch.place import socket_path

CONNECT_TIME = 3.0  # seconds
DELAYS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds before it connects again, the last for all later times
SETTLED = 5.0  # seconds after which a connection was a good one, and delays begin anew


class ControlLink:
    """Answers what the control socket in `base_dir` asks worker `number`, and connects again when that goes."""

    def __init__(self, base_dir: str, number: int, commands: Commands) -> None:
        self._path = str(socket_path(base_dir))
        self._hello = {"worker": number, "pid": os.getpid()}
        self._commands = commands
        self._greenlet = gevent.Greenlet(self._run)

    def start(self) -> None:
        """Connect from now on."""
        self._greenlet.start()

    def close(self) -> None:
        """End the connection."""
        self._greenlet.kill()

    def _run(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            with suppress(OSError, BadLine):  # the socket is not there, is another's, or has gone
                self._serve()
            failures = 0 if time.monotonic() - began > SETTLED else failures
            time.sleep(DELAYS[min(failures, len(DELAYS) - 1)])
            failures += 1

    def _serve(self) -> None:
        """Answer until the connection ends. Raises OSError, BadLine."""
        with closing(socket(AF_UNIX, SOCK_STREAM)) as sock:
            sock.settimeout(CONNECT_TIME)
            sock.connect(self._path)
            lines = Lines(sock)
            lines.write([self._hello])
            while (request := lines.read()) is not None and "command" in request:
                lines.write(answered(request, self._commands))
