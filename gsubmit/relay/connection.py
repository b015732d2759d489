"""One connection to the relay: opened, spoken on, closed."""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from base64 import b64encode
from functools import lru_cache
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection, socket

from gsubmit.rawlog import mask, open_rawlog
from gsubmit.relay.answer import RelayFailed, read_lines
from gsubmit.relay.nexthop import NextHop
from gsubmit.sending import send_all
from gsubmit.smtp.capabilities import NOTHING, Capabilities
from gsubmit.smtp.replies import RELAY_LOST, RELAY_NONSENSE, RELAY_REFUSES_US, RELAY_SLOW, RELAY_UNREACHABLE
from gsubmit.smtp.reply import Reply

MAX_LINE = 4096  # octets of one reply line; RFC 5321 4.5.3.1.5 asks for 512
MAX_LINES = 128  # lines of one reply
READ_SIZE = 4096  # octets asked of the socket
MAX_INITIAL_RESPONSE = 510  # longer AUTH lines go without initial response, RFC 4954 4
HURRY = 10.0  # seconds for each answer when a transaction is given up
QUIT_PATIENCE = 2.0  # seconds to wait for the answer to QUIT
LAST_WORDS_PATIENCE = 1.0  # seconds to wait for the reply that explains why a relay closed

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])([^\n]*?))?\r?\n")


class RelayConnection(smtplib.SMTP):
    """An SMTP client connection. Commands are put, then sent together by flush(); replies are read in order.

    Every method that talks raises RelayFailed, and nothing else, when the relay is down, slow or strange.
    """

    sock: socket | None

    def __init__(self, hop: NextHop) -> None:
        super().__init__(local_hostname=hop.hostname, timeout=hop.connect_timeout)
        self.hop = hop
        self.capabilities: Capabilities = NOTHING
        self.is_reused = False
        self.idle_since = 0.0
        self.greeting = ""
        self._incoming = b""
        self._outgoing: list[bytes] = []
        self.outgoing_size = 0
        self._rawlog = open_rawlog(hop.rawlog_dir)

    # Opening

    def open(self) -> None:
        """Connect, go through TLS and EHLO and log in, as the next hop is configured."""
        try:
            self._connect()
            self._greet()
        except RelayFailed:
            self.close()
            raise
        assert self.sock is not None
        self.sock.settimeout(self.hop.command_timeout)

    def _connect(self) -> None:
        try:
            self.sock = create_connection((self.hop.host, self.hop.port), self.hop.connect_timeout)
            self.sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        except OSError as error:
            raise RelayFailed(RELAY_UNREACHABLE, f"cannot connect to {self.hop}: {error.strerror or error}") from error
        if self.hop.tls == "smtps":
            self._wrap()

    def _wrap(self) -> None:
        """Go over to TLS. Octets that came in clear text after the go-ahead are an attack (RFC 3207 6)."""
        assert self.hop.context is not None
        assert self.sock is not None
        if self._incoming:
            raise self._nonsense(f"clear text after STARTTLS: {self._incoming[:80]!r}")
        try:
            self.sock = self.hop.context.wrap_socket(self.sock, server_hostname=self.hop.host)
        except (OSError, ValueError) as error:
            raise RelayFailed(RELAY_UNREACHABLE, f"TLS with {self.hop} failed: {error}") from error

    def _greet(self) -> None:
        greeting = self.read_reply()
        if greeting.code != 220:
            raise RelayFailed(RELAY_REFUSES_US, f"{self.hop} greeted with: {greeting}")
        self.greeting = greeting.text
        self._hello()
        if self.hop.tls == "starttls":
            self._start_tls()
            self._hello()
        if self.hop.user:
            self._log_in()

    def _hello(self) -> None:
        reply = self.ask(f"EHLO {self.local_hostname}")
        if reply.code in (500, 502):
            reply = self.ask(f"HELO {self.local_hostname}")
            self.capabilities = NOTHING
        else:
            self.capabilities = Capabilities.from_lines(reply.text.split("\n")[1:])
        if reply.code != 250:
            raise RelayFailed(RELAY_REFUSES_US, f"{self.hop} answered EHLO with: {reply}")

    def _start_tls(self) -> None:
        if "STARTTLS" not in self.capabilities:
            raise RelayFailed(RELAY_UNREACHABLE, f"{self.hop} does not offer STARTTLS")
        reply = self.ask("STARTTLS")
        if reply.code != 220:
            raise RelayFailed(RELAY_UNREACHABLE, f"{self.hop} answered STARTTLS with: {reply}")
        self._wrap()

    def _log_in(self) -> None:
        """AUTH PLAIN (RFC 4616)."""
        if "PLAIN" not in self.capabilities.mechanisms:
            raise RelayFailed(RELAY_REFUSES_US, f"{self.hop} does not offer AUTH PLAIN")
        response = b64encode(f"\0{self.hop.user}\0{self.hop.password}".encode()).decode("ascii")
        if len(response) + len("AUTH PLAIN ") <= MAX_INITIAL_RESPONSE:
            reply = self.ask(f"AUTH PLAIN {response}")
        else:
            reply = self.ask("AUTH PLAIN")
            if reply.code == 334:
                reply = self.ask(response, secret=True)
        if reply.code != 235:
            # Some servers repeat what they did not like.
            said = str(reply).replace(response, "<secret>").replace(self.hop.password, "<secret>")
            raise RelayFailed(RELAY_REFUSES_US, f"{self.hop} refused our login: {said}")

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
        if not self._outgoing:
            return
        octets = b"".join(self._outgoing)
        self._outgoing.clear()
        self.outgoing_size = 0
        if self._rawlog is not None:
            self._rawlog.sent(mask(octets) if octets[:4].upper() == b"AUTH" else octets, secret=secret)
        if self.sock is None:
            raise self._lost("connection is closed")
        try:
            send_all(self.sock, octets)
        except OSError as error:
            raise self._broken(error) from error

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
            self._receive()
        except RelayFailed as failed:
            if not isinstance(failed.__cause__, BlockingIOError | ssl.SSLWantReadError):
                raise
            return True
        finally:
            if self.sock is not None:
                self.sock.settimeout(self.hop.command_timeout)
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
            return RelayFailed(RELAY_SLOW, f"no answer from {self.hop} in time")
        return self._lost(str(error))

    def _lost(self, why: str) -> RelayFailed:
        return RelayFailed(RELAY_LOST, f"lost connection to {self.hop}: {why}", lost=True)

    def _nonsense(self, what: str) -> RelayFailed:
        return RelayFailed(RELAY_NONSENSE, f"invalid reply from {self.hop}: {what}")

    # Between transactions, and the end

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

    def hurry(self) -> None:
        """From now on, do not wait long."""
        if self.sock is not None:
            self.sock.settimeout(min(HURRY, self.hop.command_timeout))

    def mark_idle(self) -> None:
        """Note that nobody uses the connection from now on."""
        if self.sock is not None:
            self.sock.settimeout(self.hop.command_timeout)
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
