"""One connection to Dovecot's auth service, with one request at a time on it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gsubmit.auth.passdb import Origin, Unavailable
from gsubmit.auth.passdbs import dovecotprotocol as protocol
from gsubmit.auth.passdbs.dovecotprotocol import Malformed, Reply
from gsubmit.net.dial import connect
from gsubmit.net.stream import LineTooLong, Stream
from gsubmit.settings.hosts import host_and_port

CONNECT_TIME = 5.0  # seconds for connection and handshake
ANSWER_TIME = 60.0  # seconds; Dovecot holds an answer back for up to 15 s (penalty) and 2 s (failure)
MAX_HANDSHAKE = 100  # lines; one a mechanism, and six

_EMPTY_RESPONSE = b"\x01"  # RFC 7628 3.2.3: what a client says to an error, so that the server can fail the exchange


@dataclass(frozen=True)
class Place:
    """Where Dovecot listens: the path of a unix socket, or a host and a port."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        return self.path or host_and_port(self.host, self.port)


class Lost(Unavailable):
    """Dovecot closed the connection before it answered."""


class AuthConnection:
    """A connection after its handshake. Every method raises Unavailable; it is of no use any more then."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.since = time.monotonic()
        self.mechanisms: frozenset[str] = frozenset()
        self._number = 0
        try:
            self._stream = Stream(_connect(place), self.since + CONNECT_TIME)
        except OSError as error:
            raise Unavailable(f"cannot connect to {place}: {error.strerror or error}") from error
        try:
            with self._talk():
                self._shake_hands()
        except BaseException:
            self.close()
            raise

    def __del__(self) -> None:
        """Passdbs are not told when they are not needed any more: whoever kept the connection has just gone."""
        if hasattr(self, "_stream"):
            self.close()

    def ask(self, mechanism: str, origin: Origin, response: bytes) -> Reply:
        """Dovecot's OK or FAIL."""
        self._number += 1
        self._stream.allow(ANSWER_TIME)
        with self._talk():
            self._stream.send(protocol.request(self._number, mechanism, origin, response))
            reply = self._reply()
            if reply.verdict == "CONT" and mechanism != "PLAIN":
                self._stream.send(protocol.continuation(self._number, _EMPTY_RESPONSE))
                reply = self._reply()
            if reply.verdict == "CONT":
                raise Malformed(f"{mechanism} does not end")
            if self._stream.ahead:
                raise Malformed("more than one reply")
        return reply

    def is_usable(self) -> bool:
        """Whether it is open and silent: whatever comes without being asked for, it is of no use any longer."""
        return self._stream.is_silent()

    def close(self) -> None:
        """The end."""
        self._stream.close()

    def _shake_hands(self) -> None:
        self._stream.send(protocol.greeting(os.getpid()))
        mechanisms = set()
        for at in range(MAX_HANDSHAKE):
            words = protocol.words_of(self._read_line())
            # 2.4 waits for our version before it tells more than its own, older ones tell all at once.
            if at == 0 and (words[0] != "VERSION" or words[1:2] != [str(protocol.MAJOR)]):
                raise Unavailable(f"{self.place} does not speak version {protocol.MAJOR} of Dovecot's auth protocol")
            if words[0] == "MECH" and len(words) > 1:
                mechanisms.add(words[1].upper())
            elif words[0] == "DONE":
                self.mechanisms = frozenset(mechanisms)
                return
        raise Malformed("endless handshake")

    def _reply(self) -> Reply:
        reply = protocol.parse_reply(self._read_line())
        if reply.number != self._number:
            raise Malformed(f"a reply to request {reply.number} instead of {self._number}")
        return reply

    def _read_line(self) -> bytes:
        line = self._stream.read_line(protocol.MAX_LINE)
        if not line.endswith(b"\n"):
            raise Lost(f"{self.place} closed the connection")
        return line[:-1]

    @contextmanager
    def _talk(self) -> Iterator[None]:
        """Whatever goes wrong within is Unavailable, or Lost."""
        try:
            yield
        except (Malformed, LineTooLong) as error:
            raise Unavailable(f"{self.place} does not keep to Dovecot's auth protocol: {error}") from None
        except TimeoutError:
            raise Unavailable(f"no answer from {self.place} in time") from None
        except OSError as error:
            raise Lost(f"lost connection to {self.place}: {error.strerror or error}") from None


def _connect(place: Place) -> socket.socket:
    if not place.path:
        return connect(place.host, place.port, CONNECT_TIME)
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(CONNECT_TIME)
    try:
        sock.connect(place.path)
    except BaseException:
        sock.close()
        raise
    return sock
