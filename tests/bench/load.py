"""The load: whole sessions of clients, several at a time, written so that they cost little themselves."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import BinaryIO

import gevent
from gevent.pool import Pool

HOST = "127.0.0.1"
AUTH = b"AUTH PLAIN AHVzZXIAc2VjcmV0\r\n"
HELLO = b"EHLO client.example.org\r\n"
MAIL = b"MAIL FROM:<a@example.org>\r\n"
HEADER = (  # what each client writes
    b"From: <a@example.org>\r\nTo: <b@example.org>\r\nSubject: load\r\nDate: Sun, 22 Nov 2026 08:00:00 +0000\r\n"
    b"Message-ID: <load@example.org>\r\n\r\n"
)


@dataclass(frozen=True)
class Load:
    """What the clients do."""

    name: str
    sessions: int
    messages: int = 1  # in each session
    size: int = 1000
    recipients: int = 1
    pipelined: bool = False
    chunked: bool = False
    tls: bool = False
    clients: int = 16  # at the same time

    @property
    def total(self) -> int:
        """Messages altogether."""
        return self.sessions * self.messages

    @property
    def message(self) -> bytes:
        """Header, and lines of 78 octets."""
        line = b"x" * 76 + b"\r\n"
        return HEADER + line * max((self.size - len(HEADER)) // len(line), 1)

    def run(self, port: int, context: ssl.SSLContext | None) -> None:
        """All sessions, logged in when there is a context. Raises AssertionError at the first reply that refuses."""
        pool = Pool(self.clients)
        jobs = [pool.spawn(self._session, port, context) for _ in range(self.sessions)]
        gevent.joinall(jobs, raise_error=True)

    def _session(self, port: int, context: ssl.SSLContext | None) -> None:
        sock, replies = log_in(port, context, tls=self.tls)
        for _ in range(self.messages):
            self.submit(sock, replies)
        say(sock, replies, b"QUIT\r\n")
        sock.close()

    def submit(self, sock: socket.socket, replies: BinaryIO) -> None:
        """One message in a session that is logged in."""
        lines = [MAIL, *(b"RCPT TO:<b%d@example.org>\r\n" % number for number in range(self.recipients))]
        if not self.chunked:
            lines.append(b"DATA\r\n")
        if self.pipelined:
            sock.sendall(b"".join(lines))
            for _ in lines:
                expect(replies, b"23")
        else:
            for line in lines:
                say(sock, replies, line)
        message = self.message
        start = b"BDAT %d LAST\r\n" % len(message) if self.chunked else b""
        sock.sendall(start + message + (b"" if self.chunked else b".\r\n"))
        expect(replies, b"2")


def log_in(port: int, context: ssl.SSLContext | None, *, tls: bool) -> tuple[socket.socket, BinaryIO]:
    """A session, and where its replies are read. Without a context there is neither TLS nor a login."""
    sock = socket.create_connection((HOST, port))
    replies = sock.makefile("rb")
    expect(replies, b"220")
    say(sock, replies, HELLO)
    if tls and context is not None:
        say(sock, replies, b"STARTTLS\r\n")
        sock = context.wrap_socket(sock, server_hostname=HOST)
        replies = sock.makefile("rb")
        say(sock, replies, HELLO)
    if context is not None:
        say(sock, replies, AUTH)
    return sock, replies


def say(sock: socket.socket, replies: BinaryIO, line: bytes) -> None:
    """A command that is not refused."""
    sock.sendall(line)
    expect(replies, b"23")


def expect(replies: BinaryIO, first: bytes) -> None:
    """Read a reply that begins with one of the digits of `first`, or with all of a code."""
    while line := replies.readline():
        if line[3:4] != b"-":
            break
    assert line[: len(first)] == first or (len(first) < 3 and line[:1] in first), line
