"""The client's side of a transcript: octets out, whole replies in."""

from __future__ import annotations

import re
import socket
import ssl
import struct
from contextlib import suppress
from functools import cache

import gevent
from gevent.event import Event

from tests.harness.escapes import shown
from tests.harness.serving import certificate_folder

TIMEOUT = 30.0  # seconds for a reply; generous, for machines that have other work
MAX_REPLY_LINE = 512  # octets, RFC 5321 4.5.3.1.5
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
TLS_ALERT = 21  # record type, RFC 8446 5.1
_REPLY_LINE = re.compile(rb"([2-5][0-5][0-9])([ -])([\t -~]*)\r\n")


class Surprise(AssertionError):
    """The server did something else."""


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate_folder() / "ca.pem"))


class Client:
    """A connection whose input is read all the time, so that a reply is not lost when the server closes."""

    def __init__(self, port: int, client_ip: str, *, implicit_tls: bool = False) -> None:
        server_ip = "::1" if ":" in client_ip else "127.0.0.1"
        self._sock: socket.socket = socket.create_connection((server_ip, port), TIMEOUT, (client_ip, 0))
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input = b""
        self._ended = False
        self._news = Event()
        if implicit_tls:
            self._sock = _context().wrap_socket(self._sock, server_hostname="localhost")
        self._sock.settimeout(None)
        self._reader = gevent.spawn(self._read)

    def _read(self) -> None:
        while not self._ended:
            try:
                octets = self._sock.recv(65536)
            except OSError:
                octets = b""
            self._input += octets
            self._ended = not octets
            self._news.set()

    def start_tls(self) -> None:
        self._reader.kill()
        if self._input:
            raise Surprise(f"before the handshake came {shown(self._input)}")
        self._sock = _context().wrap_socket(self._sock, server_hostname="localhost")
        self._reader = gevent.spawn(self._read)

    def send(self, octets: bytes) -> None:
        """Send; that the server has gone is seen when its replies are read."""
        if not self._ended:
            try:
                self._sock.sendall(octets)
            except OSError:
                gevent.sleep(0)

    def send_slowly(self, octets: bytes) -> None:
        """One octet per packet, each taken by the server before the next."""
        for number in range(len(octets)):
            self.send(octets[number : number + 1])
            gevent.sleep(0)

    def reply(self) -> list[bytes]:
        """The lines of the next reply, their CRLF left out. Raises Surprise when it is no reply (RFC 5321 4.2)."""
        lines: list[bytes] = []
        while True:
            line = self._line()
            found = _REPLY_LINE.fullmatch(line)
            if found is None or len(line) > MAX_REPLY_LINE or (lines and lines[0][:3] != line[:3]):
                raise Surprise(f"not a reply line: {shown(line)}")
            lines.append(line[:-2])
            if found[2] == b" ":
                return lines

    def _line(self) -> bytes:
        while b"\n" not in self._input:
            if self._ended:
                raise Surprise(f"the server closed the connection, after {shown(self._input)!r}")
            self._news.clear()
            if not self._news.wait(TIMEOUT):
                raise Surprise(f"no reply, only {shown(self._input)!r}")
        end = self._input.index(b"\n") + 1
        line, self._input = self._input[:end], self._input[end:]
        return line

    def expect_close(self, *, may_alert: bool = False) -> None:
        """The end of the connection, and no reply before it; `may_alert`: a TLS alert is no reply."""
        while not self._ended:
            self._news.clear()
            if not self._ended and not self._news.wait(TIMEOUT):
                raise Surprise("the server did not close the connection")
        if self._input and not (may_alert and self._input[0] == TLS_ALERT):
            raise Surprise(f"before the end came {shown(self._input)}")

    def send_no_more(self) -> None:
        """Half-close; the server may still answer."""
        with suppress(OSError):  # the server may have gone
            self._sock.shutdown(socket.SHUT_WR)

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        while not self._ended:
            self._news.clear()
            if not self._ended and not self._news.wait(TIMEOUT):
                raise Surprise(f"the server did not close the connection, after {shown(self._input)!r}")
        return self._input

    def close(self) -> None:
        self._reader.kill()
        if self._ended:  # no TIME_WAIT after the server's close: a thousand plays would use up the ports
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._sock.close()
