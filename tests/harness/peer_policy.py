"""A policy service for Postfix, which lets everything pass and remembers what it was asked (SMTPD_POLICY_README)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from gevent.server import StreamServer

from tests.harness.peer_process import HOST


@dataclass
class Policy:
    """The attributes of each request, in order."""

    port: int
    requests: list[dict[str, str]] = field(default_factory=list)

    def answer(self, sock: socket.socket, _: object) -> None:
        """One connection of Postfix."""
        with sock, sock.makefile("rb") as lines:
            while request := _request(lines):
                self.requests.append(request)
                sock.sendall(b"action=DUNNO\n\n")


def _request(lines: BinaryIO) -> dict[str, str]:
    """Up to an empty line, or the end."""
    request = {}
    while line := lines.readline().rstrip(b"\n"):
        name, _, value = line.decode().partition("=")
        request[name] = value
    return request


@contextmanager
def policy() -> Iterator[Policy]:
    """Serve on a free port."""
    listener = socket.create_server((HOST, 0))
    service = Policy(listener.getsockname()[1])
    server = StreamServer(listener, service.answer)
    server.start()
    try:
        yield service
    finally:
        server.stop()
