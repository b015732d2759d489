"""Clients that talk to a whole server, line by line."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

from tests.harness.serving import Serving

LOGIN = ["EHLO client.example", "AUTH PLAIN AHVzZXIAc2VjcmV0"]
ENVELOPE = ["MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>"]
MESSAGE = "Subject: x\r\n\r\ntext\r\n."


class Client:
    """Says lines, and gives the code of the reply to the last one."""

    def __init__(self, sock: socket.socket, file: BinaryIO) -> None:
        self._sock = sock
        self._file = file

    def hear(self) -> str:
        """A code, or nothing at the end; then it ends the connection too, or the server would linger for a second."""
        while (line := self._file.readline().decode())[3:4] == "-":
            pass
        if not line:
            with suppress(OSError):
                self._sock.shutdown(socket.SHUT_WR)
        return line[:3]

    def say(self, *lines: str) -> str:
        code = ""
        for line in lines:
            self.begin(line)
            code = self.hear()
        return code

    def begin(self, line: str, end: str = "\r\n") -> None:
        """Say a line and wait for nothing."""
        self._file.write(f"{line}{end}".encode())
        self._file.flush()


@contextmanager
def stranger(running: Serving) -> Iterator[Client]:
    """Somebody who has just come."""
    with socket.create_connection(("127.0.0.1", running.port), 10) as sock, sock.makefile("rwb") as file:
        somebody = Client(sock, cast(BinaryIO, file))
        assert somebody.hear() == "220"
        yield somebody


@contextmanager
def client(running: Serving) -> Iterator[Client]:
    """Somebody who is logged in."""
    with stranger(running) as somebody:
        assert somebody.say(*LOGIN) == "235"
        yield somebody
