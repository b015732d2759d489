"""JSON objects over a socket, one a line, with a length and a time for each."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from socket import socket
from typing import Any, TypeAlias

from gsubmit.fairness import let_others_run

Object: TypeAlias = dict[str, Any]

MAX_LINE = 65536  # octets
SEND_TIME = 10.0  # seconds in which the other side has to take a block
BLOCK = 65536  # octets that are sent together


class BadLine(Exception):
    """What came is no line with a JSON object; the text says why."""


class Lines:
    """One connection, from both sides. OSError, of which TimeoutError is one: it is of no use any more."""

    def __init__(self, sock: socket) -> None:
        self._sock = sock
        self._buffer = b""
        self._is_lost = False  # nobody knows where the next line begins

    def read(self, deadline: float | None = None) -> Object | None:
        """The next object; None at the end of the connection. `deadline` is a moment of time.monotonic.

        Raises BadLine, after which the next line can be read.
        """
        while b"\n" not in self._buffer and not self._is_lost:
            if len(self._buffer) > MAX_LINE:
                self._is_lost = True
                raise BadLine(f"a line of more than {MAX_LINE} octets")
            if deadline is not None and deadline <= time.monotonic():
                raise TimeoutError
            self._sock.settimeout(deadline and deadline - time.monotonic())
            octets = self._sock.recv(MAX_LINE)
            if not octets:
                return None  # what came without the end of a line is nothing
            self._buffer += octets
        if self._is_lost:
            return None
        line, _, self._buffer = self._buffer.partition(b"\n")
        return _object(line)

    def write(self, objects: Iterable[Object]) -> None:
        """Send objects, as they come."""
        block = b""
        for one in objects:
            block += json.dumps(one).encode("ascii") + b"\n"
            if len(block) >= BLOCK:
                self._send(block)
                block = b""
            let_others_run()
        self._send(block)

    def _send(self, block: bytes) -> None:
        self._sock.settimeout(SEND_TIME)
        self._sock.sendall(block)

    def close(self) -> None:
        """End the connection, from whatever greenlet."""
        self._sock.close()


def _object(line: bytes) -> Object:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLine("no JSON") from error
    if not isinstance(found, dict):
        raise BadLine("no JSON object")
    return found
