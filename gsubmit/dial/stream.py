"""The octets of one connection to another SMTP server: connected, secured, sent, received, closed."""

from __future__ import annotations

import errno
import select
import smtplib
import ssl
import time
from socket import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    IPPROTO_TCP,
    SO_KEEPALIVE,
    SOL_SOCKET,
    TCP_KEEPCNT,
    TCP_KEEPIDLE,
    TCP_KEEPINTVL,
    TCP_NODELAY,
    socket,
)
from typing import Protocol

from gsubmit.dial.answer import RelayFailed
from gsubmit.dial.nexthop import NextHop
from gsubmit.dial.replyparser import ReplyParser
from gsubmit.logs.rawlog import open_rawlog
from gsubmit.net.receiving import receive
from gsubmit.net.sending import await_event, send_some
from gsubmit.net.stream import Stream
from gsubmit.smtp.replies import RELAY_LOST, RELAY_NONSENSE, RELAY_SLOW, RELAY_UNREACHABLE
from gsubmit.tls.certificates import plain_words

READ_SIZE = 4096  # octets asked of the socket
LEAST_TIMEOUT = 0.5  # seconds for one address, when there are many
# Idle connections are kept alive for what stands on the way (NAT forgets after some minutes), and the dead are noticed.
KEEPALIVE = ((TCP_KEEPIDLE, 60), (TCP_KEEPINTVL, 15), (TCP_KEEPCNT, 4))  # seconds, seconds, probes


class Witness(Protocol):
    """Whoever is told what is said on a connection, such as a rawlog."""

    def sent(self, octets: bytes, *, secret: bool = False) -> None:
        """Whole lines, or a piece of content; nobody may see a `secret`."""

    def received(self, octets: bytes) -> None:
        """One line, with its line end."""

    def close(self) -> None:
        """The connection has ended."""


class RelayStream(smtplib.SMTP):
    """What smtplib's SMTP is for its users, with octets that are put and flushed, and replies that are parsed.

    Every method that talks raises RelayFailed, and nothing else, when the relay is down, slow or gone. `timeout_now`
    is how long one wait may take from now on, in seconds; a reply, and a handshake, has so long for all its octets.
    `witness` takes the place of the rawlog.
    """

    sock: socket | None
    leg = "relay"  # what rawlogs call it

    def __init__(self, hop: NextHop, address: str, witness: Witness | None = None) -> None:
        super().__init__(local_hostname=hop.hostname, timeout=hop.connect_timeout)
        self.hop = hop
        self.address = address  # an IP address, or the path of a unix socket
        self.may_be_dead = False  # it was idle, and something on the way may have dropped it
        self.timeout_now = hop.connect_timeout
        self.outgoing_size = 0  # octets of content
        self._outgoing: list[bytes] = []
        self._rawlog: Witness | None = witness
        self._replies = ReplyParser(witness.received if witness is not None else None)
        self.rawlog = ""  # the name of its files, without their ends
        self._name = str(hop) if address in (hop.host, hop.unix_path) else f"{hop} ({address})"

    def __str__(self) -> str:
        return self._name

    def write_rawlog(self, session: str) -> None:
        """Write one from now on where the next hop has them; the connection is made for `session`, or for nobody."""
        if self._rawlog is None and (rawlog := open_rawlog(self.hop.rawlog_dir, self.leg, session)) is not None:
            self._rawlog, self.rawlog = rawlog, rawlog.name
            self._replies = ReplyParser(rawlog.received)

    # Opening

    def connect_within(self, timeout: float) -> None:
        """Connect within `timeout` seconds."""
        family = AF_UNIX if self.hop.unix_path else AF_INET6 if ":" in self.address else AF_INET
        try:
            self.sock = socket(family)
            self.timeout_now = max(timeout, LEAST_TIMEOUT)
            self.sock.settimeout(self.timeout_now)
            if self.hop.source_ip:
                self.sock.bind((self.hop.source_ip, 0))
            self.sock.connect(self.address if family == AF_UNIX else (self.address, self.hop.port))
            self.sock.settimeout(0)
            if family != AF_UNIX:
                self.sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
                self.sock.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
                for option, value in KEEPALIVE:
                    self.sock.setsockopt(IPPROTO_TCP, option, value)
        except OSError as error:
            raise RelayFailed(RELAY_UNREACHABLE, f"cannot connect to {self}: {error.strerror or error}") from error

    def wrap(self) -> None:
        """Go over to TLS. Octets that came in clear text after the go-ahead are an attack (RFC 3207 6)."""
        assert self.hop.context is not None
        assert self.sock is not None
        if not self._replies.is_empty:
            raise self._nonsense(f"clear text after STARTTLS: {self._replies.start!r}")
        stream = Stream(self.sock, time.monotonic() + self.timeout_now)
        try:
            stream.start_tls(self.hop.context, self.hop.tls_name)
        except (OSError, ValueError) as error:
            raise RelayFailed(RELAY_UNREACHABLE, f"TLS with {self} failed: {plain_words(error)}") from error
        finally:
            self.sock = stream.sock

    # Octets

    def content(self, octets: bytes) -> None:
        """Put a piece of content."""
        self._outgoing.append(octets)
        self.outgoing_size += len(octets)

    def flush(self, *, secret: bool = False) -> None:
        """Send what was put. `secret` keeps it out of the rawlog."""
        if not self._outgoing:
            return
        rest = memoryview(self._leaving(secret=secret))
        end = 0.0
        while rest := self._send_some(rest):
            end = end or time.monotonic() + self.timeout_now
            self._await(select.POLLOUT, end)

    def flush_until_answered(self) -> bool:
        """Send what was put; false when the relay, instead of reading on, has said something."""
        rest = memoryview(self._leaving())
        end = 0.0
        while left := self._send_some(rest):
            if not self.is_silent():
                return False
            if len(left) == len(rest):
                end = end or time.monotonic() + self.hop.command_timeout
                self._await(select.POLLIN | select.POLLOUT, end)
            rest = left
        return True

    def _send_some(self, octets: memoryview) -> memoryview:
        """What is left of them, when those that can have left."""
        if self.sock is None:
            raise self._lost("connection is closed")
        try:
            return octets[send_some(self.sock, octets) :]
        except OSError as error:
            raise self._broken(error) from error

    def _await(self, events: int, end: float) -> None:
        assert self.sock is not None
        try:
            await_event(self.sock, events, end - time.monotonic())
        except OSError as error:
            raise self._broken(error) from error

    def _leaving(self, *, secret: bool = False) -> bytes:
        octets = b"".join(self._outgoing)
        self._outgoing.clear()
        self.outgoing_size = 0
        if self._rawlog is not None:
            self._rawlog.sent(octets, secret=secret)
        return octets

    def _receive(self) -> None:
        """Wait for octets, and give them to the parser."""
        if self.sock is None:
            raise self._lost("connection is closed")
        try:
            octets = receive(self.sock, READ_SIZE, self.timeout_now)
        except OSError as error:
            raise self._broken(error) from error
        if not octets:
            raise self._lost("closed by the relay")
        self._replies.feed(octets)

    def is_silent(self) -> bool:
        """Whether the relay has said nothing that we have not read. Raises RelayFailed when it is gone."""
        if self.sock is None or not self._replies.is_empty:
            return False
        try:
            octets = self.sock.recv(READ_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError as error:
            raise self._broken(error) from error
        if not octets:
            raise self._lost("closed by the relay")
        self._replies.feed(octets)
        return False

    def close(self) -> None:
        """Close at once, without a word."""
        if self._rawlog is not None:
            self._rawlog.close()
            self._rawlog = None
        super().close()

    def hand_over(self) -> tuple[socket, bytes]:
        """The socket, and what was read ahead, for somebody else to go on with. This connection has ended then."""
        assert self.sock is not None
        sock, self.sock = self.sock, None
        self.close()
        return sock, self._replies.take_rest()

    @property
    def own_address(self) -> str:
        """Ours, as text; empty on a unix socket."""
        ours = self.sock.getsockname() if self.sock is not None else ""
        return str(ours[0]) if isinstance(ours, tuple) else ""

    @property
    def tls_version(self) -> str:
        """Such as "TLSv1.3", or empty."""
        return (self.sock.version() or "") if isinstance(self.sock, ssl.SSLSocket) else ""

    # What may go wrong

    def _broken(self, error: OSError) -> RelayFailed:
        if isinstance(error, TimeoutError) and error.errno != errno.ETIMEDOUT:  # that is the kernel's, of a dead peer
            self.close()  # its answer may still come, and would be taken for the next one
            return RelayFailed(RELAY_SLOW, f"no answer from {self} in time", lost=self.may_be_dead)
        return self._lost(str(error))

    def _lost(self, why: str) -> RelayFailed:
        return RelayFailed(RELAY_LOST, f"lost connection to {self}: {why}", lost=True)

    def _nonsense(self, what: str) -> RelayFailed:
        return RelayFailed(RELAY_NONSENSE, f"invalid reply from {self}: {what}")
