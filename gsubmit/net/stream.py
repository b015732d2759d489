"""A connected socket with what was read ahead of it, and one deadline for all that is waited for."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import TypeVar

from gsubmit.fairness import let_others_run
from gsubmit.net.sending import await_event, send_some
from gsubmit.tls.certificates import server_name

READ_SIZE = 65536  # octets asked of the socket

_T = TypeVar("_T")


class LineTooLong(ValueError):
    """No line end within the limit."""


class ClearText(OSError):
    """Octets came in clear text after the go-ahead for TLS: whoever put them there attacks (RFC 3207 6)."""


class Stream:
    """Everything has to be done by `deadline`, on the clock of time.monotonic; then it is a TimeoutError.

    A timeout of the socket would begin anew with each octet. Everything raises OSError. `ahead` are octets that were
    read and not taken yet.
    """

    def __init__(self, sock: socket.socket, deadline: float, ahead: bytes = b"") -> None:
        sock.settimeout(0)
        self.sock = sock
        self.deadline = deadline
        self.ahead = ahead

    def allow(self, seconds: float) -> None:
        """Everything from now on has to be done within so many seconds."""
        self.deadline = time.monotonic() + seconds

    # In

    def read_line(self, limit: int) -> bytes:
        """The next line with its LF, or what there is of it when the other side has closed.

        Raises LineTooLong when there is none within `limit` octets.
        """
        while (end := self.ahead.find(b"\n") + 1) == 0 and len(self.ahead) <= limit and self.read_ahead():
            pass
        if not end and len(self.ahead) > limit:
            raise LineTooLong("endless line")
        end = end or len(self.ahead)
        line, self.ahead = self.ahead[:end], self.ahead[end:]
        return line

    def read_some(self, limit: int) -> bytes:
        """Up to `limit` octets, those at hand or the next to come; none when the other side has closed."""
        if not self.ahead:
            self.read_ahead()
        octets, self.ahead = self.ahead[:limit], self.ahead[limit:]
        return octets

    def read_all(self, size: int) -> bytes:
        """So many octets, or what there is of them when the other side has closed."""
        while len(self.ahead) < size and self.read_ahead():
            pass
        octets, self.ahead = self.ahead[:size], self.ahead[size:]
        return octets

    def read_ahead(self) -> bool:
        """Wait for more octets; false when the other side has closed."""
        octets = self._in_time(self.sock.recv, READ_SIZE)
        self.ahead += octets
        let_others_run()  # whoever always has more to say never makes us wait for it
        return bool(octets)

    def is_silent(self) -> bool:
        """Whether it is open and nothing has come that was not taken."""
        if self.ahead:
            return False
        try:
            self.ahead = self.sock.recv(READ_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            pass
        return False

    # Out

    def send(self, octets: bytes) -> None:
        """All of them."""
        rest = memoryview(octets)
        while rest := rest[send_some(self.sock, rest) :]:
            await_event(self.sock, select.POLLOUT, self._left())

    # The connection

    def start_tls(self, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
        """Go over to TLS as a client of `host`. Raises ClearText, and ValueError for what can be no host."""
        if self.ahead:
            raise ClearText("clear text after STARTTLS")
        tls = context.wrap_socket(self.sock, server_hostname=server_name(host), do_handshake_on_connect=False)
        self.sock = tls
        self._in_time(tls.do_handshake)
        return tls

    @property
    def tls(self) -> ssl.SSLSocket | None:
        """The TLS socket, once TLS is active."""
        return self.sock if isinstance(self.sock, ssl.SSLSocket) else None

    def hand_over(self) -> tuple[socket.socket, bytes]:
        """The socket, and what was read ahead, for somebody else to go on with."""
        ahead, self.ahead = self.ahead, b""
        return self.sock, ahead

    def close(self) -> None:
        """Close at once; may be called twice."""
        self.sock.close()

    # Time

    def _in_time(self, act: Callable[..., _T], *arguments: object) -> _T:
        """What a call of the socket comes to that would wait for octets."""
        while True:
            self._left()
            try:
                return act(*arguments)
            except (BlockingIOError, ssl.SSLWantReadError):
                await_event(self.sock, select.POLLIN, self._left())
            except ssl.SSLWantWriteError:
                await_event(self.sock, select.POLLOUT, self._left())

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        return left
