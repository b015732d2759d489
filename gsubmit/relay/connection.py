"""One connection to the relay: opened, spoken on, closed."""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from functools import lru_cache
from socket import AF_INET, AF_INET6, AF_UNIX, IPPROTO_TCP, TCP_NODELAY, socket

from gsubmit.rawlog import mask, open_rawlog
from gsubmit.relay.answer import RelayFailed, read_lines
from gsubmit.relay.nexthop import NextHop
from gsubmit.relay.xclient import ClientFacts
from gsubmit.sending import await_either, send_all, send_some
from gsubmit.smtp.capabilities import NOTHING, Capabilities
from gsubmit.smtp.replies import RELAY_LOST, RELAY_NONSENSE, RELAY_REFUSES_US, RELAY_SLOW, RELAY_UNREACHABLE
from gsubmit.smtp.reply import Reply

MAX_LINE = 4096  # octets of one reply line; RFC 5321 4.5.3.1.5 asks for 512
MAX_LINES = 128  # lines of one reply
READ_SIZE = 4096  # octets asked of the socket
LEAST_PATIENCE = 0.5  # seconds for one address, when there are many
QUIT_PATIENCE = 2.0  # seconds to wait for the answer to QUIT
LAST_WORDS_PATIENCE = 1.0  # seconds to wait for the reply that explains why a relay closed

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])([^\n]*?))?\r?\n")


class RelayConnection(smtplib.SMTP):
    """An SMTP client connection. Commands are put, then sent together by flush(); replies are read in order.

    Every method that talks raises RelayFailed, and nothing else, when the relay is down, slow or strange.
    """

    sock: socket | None

    def __init__(self, hop: NextHop, address: str) -> None:
        super().__init__(local_hostname=hop.hostname, timeout=hop.connect_timeout)
        self.hop = hop
        self.address = address  # an IP address, or the path of a unix socket
        self.capabilities: Capabilities = NOTHING
        self.client: ClientFacts | None = None  # who the relay takes us for, by XCLIENT
        self.mails = 0  # transactions begun
        self.is_reused = False
        self.idle_since = 0.0
        self.greeting = ""
        self._incoming = b""
        self._outgoing: list[bytes] = []
        self.outgoing_size = 0
        self._rawlog = open_rawlog(hop.rawlog_dir)

    def __str__(self) -> str:
        return str(self.hop) if self.address in (self.hop.host, self.hop.unix_path) else f"{self.hop} ({self.address})"

    # Opening

    def open(self, patience: float) -> None:
        """Connect within `patience` seconds, with TLS when it comes first, and hear the greeting."""
        family = AF_UNIX if self.hop.unix_path else AF_INET6 if ":" in self.address else AF_INET
        try:
            self.sock = socket(family)
            self.sock.settimeout(max(patience, LEAST_PATIENCE))
            self.sock.connect(self.address if family == AF_UNIX else (self.address, self.hop.port))
            if family != AF_UNIX:
                self.sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        except OSError as error:
            raise RelayFailed(RELAY_UNREACHABLE, f"cannot connect to {self}: {error.strerror or error}") from error
        if self.hop.tls == "smtps":
            self.wrap()
        greeting = self.read_reply()
        if greeting.code != 220:
            raise RelayFailed(RELAY_REFUSES_US, f"{self} greeted with: {greeting}")
        self.greeting = greeting.text

    def wrap(self) -> None:
        """Go over to TLS. Octets that came in clear text after the go-ahead are an attack (RFC 3207 6)."""
        assert self.hop.context is not None
        assert self.sock is not None
        if self._incoming:
            raise self._nonsense(f"clear text after STARTTLS: {self._incoming[:80]!r}")
        try:
            self.sock = self.hop.context.wrap_socket(self.sock, server_hostname=self.hop.tls_name)
        except (OSError, ValueError) as error:
            raise RelayFailed(RELAY_UNREACHABLE, f"TLS with {self} failed: {error}") from error

    def hello(self, name: str) -> None:
        """EHLO, or HELO to a server that knows nothing else."""
        reply = self.ask(f"EHLO {name}")
        if reply.code in (500, 502):
            reply = self.ask(f"HELO {name}")
            self.capabilities = NOTHING
        else:
            self.capabilities = Capabilities.from_lines(reply.text.split("\n")[1:])
        if reply.code != 250:
            raise RelayFailed(RELAY_REFUSES_US, f"{self} answered EHLO with: {reply}")

    # Speaking

    def ask(self, line: str, *, secret: bool = False) -> Reply:
        """Send one command and read its reply. `secret` keeps the line out of the rawlog."""
        self.put(line.encode("utf-8") + b"\r\n")
        self.flush(secret=secret)
        return self.read_reply()

    def put(self, octets: bytes) -> None:
        """Keep octets for the next flush."""
        self._outgoing.append(octets)
        self.outgoing_size += len(octets)

    def flush(self, *, secret: bool = False) -> None:
        """Send what was put."""
        octets = self._leaving(secret=secret)
        if not octets:
            return
        if self.sock is None:
            raise self._lost("connection is closed")
        try:
            send_all(self.sock, octets)
        except OSError as error:
            raise self._broken(error) from error

    def flush_until_answered(self) -> bool:
        """Send what was put; false when the relay, instead of reading on, has said something."""
        rest = memoryview(self._leaving())
        end = time.monotonic() + self.hop.command_timeout
        while rest:
            if self.sock is None:
                raise self._lost("connection is closed")
            try:
                sent = send_some(self.sock, rest)
                rest = rest[sent:]
                if rest and not self.is_silent():
                    return False
                if not sent:
                    await_either(self.sock, end - time.monotonic())
            except OSError as error:
                raise self._broken(error) from error
        return True

    def _leaving(self, *, secret: bool = False) -> bytes:
        octets = b"".join(self._outgoing)
        self._outgoing.clear()
        self.outgoing_size = 0
        if octets and self._rawlog is not None:
            self._rawlog.sent(mask(octets) if octets[:4].upper() == b"AUTH" else octets, secret=secret)
        return octets

    def read_reply(self) -> Reply:
        """The next reply, as the relay said it."""
        code, marker, text = self._read_line()
        if marker != b"-":
            reply = _single(code, text)
        else:
            texts = [text]
            while marker == b"-":
                if len(texts) == MAX_LINES:
                    raise self._nonsense("endless reply")
                next_code, marker, text = self._read_line()
                if next_code != code:
                    raise self._nonsense(f"a reply with the codes {code.decode()} and {next_code.decode()}")
                texts.append(text)
            reply = read_lines(int(code), [line.decode("utf-8", "replace") for line in texts])
        if reply.code == 421:
            self.close()
        return reply

    def _read_line(self) -> tuple[bytes, bytes, bytes]:
        end = self._incoming.find(b"\n")
        while end < 0:
            if len(self._incoming) > MAX_LINE:
                raise self._nonsense(repr(self._incoming[:80]))
            self._receive()
            end = self._incoming.find(b"\n")
        line, self._incoming = self._incoming[: end + 1], self._incoming[end + 1 :]
        if self._rawlog is not None:
            self._rawlog.received(line)
        matched = _LINE.fullmatch(line)
        if matched is None or len(line) > MAX_LINE:
            raise self._nonsense(repr(line[:80]))
        return matched[1], matched[2] or b" ", matched[3] or b""

    def _receive(self) -> None:
        if self.sock is None:
            raise self._lost("connection is closed")
        try:
            octets = self.sock.recv(READ_SIZE)
        except OSError as error:
            raise self._broken(error) from error
        if not octets:
            raise self._lost("closed by the relay")
        self._incoming += octets

    def is_silent(self) -> bool:
        """Whether the relay has said nothing that we have not read. Raises RelayFailed when it is gone."""
        if self._incoming or self.sock is None:
            return False
        self.sock.settimeout(0)
        try:
            octets = self.sock.recv(READ_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError as error:
            raise self._broken(error) from error
        finally:
            self.settimeout(self.hop.command_timeout)
        if not octets:
            raise self._lost("closed by the relay")
        self._incoming = octets
        return False

    def last_words(self) -> Reply | None:
        """The refusal that a relay may have sent before it closed on us."""
        if self.sock is None:
            return None
        try:
            self.sock.settimeout(LAST_WORDS_PATIENCE)
            reply = self.read_reply()
        except (RelayFailed, OSError):
            return None
        return reply if reply.refuses else None

    def _broken(self, error: OSError) -> RelayFailed:
        if isinstance(error, TimeoutError):
            self.close()  # its answer may still come, and would be taken for the next one
            return RelayFailed(RELAY_SLOW, f"no answer from {self} in time")
        return self._lost(str(error))

    def _lost(self, why: str) -> RelayFailed:
        return RelayFailed(RELAY_LOST, f"lost connection to {self}: {why}", lost=True)

    def _nonsense(self, what: str) -> RelayFailed:
        return RelayFailed(RELAY_NONSENSE, f"invalid reply from {self}: {what}")

    # Between transactions, and the end

    @property
    def takes_client(self) -> bool:
        """Whether the relay was, or can be, told who the client is."""
        return self.client is not None or "XCLIENT" in self.capabilities

    @property
    def is_used_up(self) -> bool:
        """Whether the relay takes no further MAIL on this connection (RFC 9422)."""
        limit = self.capabilities.limit("MAILMAX")
        return limit > 0 and self.mails >= limit

    @property
    def is_in_step(self) -> bool:
        """Whether it is open, and every reply read belonged to something asked."""
        return self.sock is not None and not self._incoming

    def reset(self) -> bool:
        """RSET; whether the connection can be used again."""
        try:
            return self.ask("RSET").code == 250
        except RelayFailed:
            return False

    def settimeout(self, seconds: float) -> None:
        """How long to wait for each answer from now on."""
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def mark_idle(self) -> None:
        """Note that nobody uses the connection from now on."""
        self.settimeout(self.hop.command_timeout)
        self.is_reused = True
        self.idle_since = time.monotonic()

    def say_goodbye(self) -> None:
        """QUIT, a short wait, close (RFC 5321 4.1.1.10)."""
        if self.sock is not None:
            try:
                self.sock.settimeout(QUIT_PATIENCE)
                self.ask("QUIT")
            except (RelayFailed, OSError):
                pass  # it is over in any case
        self.close()

    def close(self) -> None:
        """Close at once, without a word."""
        if self._rawlog is not None:
            self._rawlog.close()
            self._rawlog = None
        super().close()

    @property
    def tls_version(self) -> str:
        """Such as "TLSv1.3", or empty."""
        return (self.sock.version() or "") if isinstance(self.sock, ssl.SSLSocket) else ""


@lru_cache(maxsize=256)
def _single(code: bytes, text: bytes) -> Reply:
    """A reply of one line. Most are the same few, so they and their encoded form are kept."""
    return read_lines(int(code), [text.decode("utf-8", "replace")])
