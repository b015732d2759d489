"""A dialog with a server, line by line: what is said, and the codes that come back."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from tests.harness.peer_process import HOST

_STATUS = re.compile(rb"[2-5][0-9][0-9] ?([245]\.[0-9]+\.[0-9]+)?")


class Dialog:
    """One connection; replies as code and enhanced status, such as `250 2.1.0`, or `closed`."""

    def __init__(self, sock: socket.socket, replies: BinaryIO) -> None:
        self._sock = sock
        self._replies = replies

    def say(self, line: str) -> str:
        """Send a line, or a line with the octets of its chunk, and wait for the reply."""
        has_chunk = line.startswith("BDAT") and "\r\n" in line
        try:
            self._sock.sendall(line.encode() + (b"" if has_chunk else b"\r\n"))
            return self.hear()
        except OSError:
            return "closed"

    def hear(self) -> str:
        """The next reply."""
        while line := self._replies.readline():
            if line[3:4] != b"-":
                found = _STATUS.match(line)
                return found[0].decode().strip() if found else line.decode()
        return "closed"


@contextmanager
def dialog(port: int) -> Iterator[Dialog]:
    with socket.create_connection((HOST, port), 30) as sock, sock.makefile("rb") as replies:
        talk = Dialog(sock, replies)
        assert talk.hear() == "220"
        yield talk
