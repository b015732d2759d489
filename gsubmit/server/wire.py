"""The octets of one client connection: lines and blocks in, replies out."""

from __future__ import annotations

import ssl
import time
from collections.abc import Container
from contextlib import suppress
from socket import SHUT_WR, socket
from typing import Protocol

from gsubmit.burl.url import redact
from gsubmit.fairness import let_others_run
from gsubmit.logs.rawlog import Rawlog, mask
from gsubmit.net.silence import silence_of
from gsubmit.net.talk import Talk
from gsubmit.proxy.pump import Pump
from gsubmit.server.waiting import Awaits
from gsubmit.smtp.foreign import TLS_RECORD
from gsubmit.smtp.reply import Reply
from gsubmit.tls.server import shaken

MAX_LINE = 16384  # octets; AUTH responses need 12288 (RFC 4954 4), tokens a little more
LINGER = 1.0  # seconds without input after which a client that was cut off is left
MAX_LINGER_READS = 16
READ_LINE = 4096  # octets asked of the socket for commands
READ_BLOCK = 131072  # octets asked of the socket for content


class Closed(Exception):
    """The client closed the connection, or it broke."""


class TimedOut(Exception):
    """The client was silent too long, or did not take our replies."""


class LineTooLong(Exception):
    """The line was longer than MAX_LINE; it has been read to its end and dropped, but for `start` (LIM-3)."""

    def __init__(self, start: bytes) -> None:
        super().__init__()
        self.start = start


_NOTHING, _COMMAND, _RESPONSE, _CONTENT = Awaits  # as attributes of the class they would be looked up at each use


class Answer(Protocol):
    """A reply that may still have to come, such as a relay's promise."""

    def reply(self) -> Reply:
        """Wait for it."""


class Wire:
    """Lines and blocks in, replies out: these are buffered in the outbox, and flushed before every wait for the client.

    `timeout` is how long one wait may take, in seconds; a line that has begun has so long for the rest of it. A rawlog
    shows the lines that begin with one of `verbs`.
    """

    __slots__ = (
        *("_buffer", "_is_cut", "_outbox", "_talk", "_verbs"),
        *("awaits", "octets_in", "octets_out", "pump", "rawlog", "replies", "timeout"),
    )

    def __init__(self, sock: socket, timeout: float, rawlog: Rawlog | None = None, verbs: Container[str] = ()) -> None:
        self._talk = Talk(sock)
        self.rawlog = rawlog
        self._verbs = verbs
        self._buffer = b""
        self._outbox: list[Reply | Answer] = []
        self._is_cut = False  # within a reply: nothing that follows would be understood
        self.awaits = _NOTHING
        self.pump: Pump | None = None  # what passes octets on, once the socket is lent
        self.timeout = timeout
        self.octets_in = 0
        self.octets_out = 0
        self.replies = 0

    # In

    def read_line(self, *, secret: bool = False) -> bytes:
        """One line without its CRLF; nothing else ends a line (RFC 5321 2.3.8). `secret` keeps it out of the rawlog."""
        awaits = _RESPONSE if secret else _COMMAND
        deadline = 0.0  # for the rest of a line that has begun
        end = self._buffer.find(b"\r\n")
        while end < 0 and not self._buffer.startswith(TLS_RECORD):  # which may have none, and waits for our handshake
            if not self._buffer:
                self._buffer = self._receive(READ_LINE, awaits)
                end = self._buffer.find(b"\r\n")
                continue
            if not deadline:
                self.flush()  # which may wait for the relay
                deadline = time.monotonic() + self.timeout
            if len(self._buffer) > MAX_LINE + 1:  # its CR may be there already
                self._drop_line(awaits, deadline)
            searched = len(self._buffer) - 1
            self._buffer += self._receive_by(deadline, awaits)
            end = self._buffer.find(b"\r\n", searched)
        end = end if end >= 0 else len(self._buffer)
        line = self._buffer[:end]
        self._buffer = self._buffer[end + 2 :]
        let_others_run()  # a client that always has more to say never makes us wait for it
        if self.rawlog is not None:
            self._note(line, secret=secret or len(line) > MAX_LINE)
        if len(line) > MAX_LINE:
            raise LineTooLong(line[:READ_LINE])
        return line

    def _note(self, line: bytes, *, secret: bool) -> None:
        """Write a line to the rawlog. What begins with no command may be a password, or half a URL.

        Clients go on with a dialog of AUTH that was refused, mangled, or too long.
        """
        assert self.rawlog is not None
        pieces = line.replace(b"\r", b"\n").split(b"\n")  # more than one from a client that ends lines by LF alone
        begins = [piece.lstrip(b" \t").upper() for piece in pieces if piece]
        verbs = [begin.partition(b" ")[0].decode("ascii", "replace") for begin in begins]
        secret = secret or not all(verb in self._verbs for verb in verbs)
        secret = secret or (len(pieces) > 1 and any(begin.startswith(b"AUTH") for begin in begins))
        shown = redact(mask(line).decode("latin-1"))  # URLs are secrets too, wherever they stand (RFC 4468 8)
        self.rawlog.received(shown.encode("latin-1") + b"\r\n", secret=secret)

    def _receive_by(self, deadline: float, awaits: Awaits) -> bytes:
        """More of a line. A timeout of the socket begins anew with each octet, this one does not."""
        timeout, self.timeout = self.timeout, deadline - time.monotonic()
        try:
            if self.timeout <= 0:
                raise TimedOut
            return self._receive(READ_LINE, awaits)
        finally:
            self.timeout = timeout

    def _drop_line(self, awaits: Awaits, deadline: float) -> None:
        """Read on to the CRLF of a line that is too long, keeping only what follows it, and raise LineTooLong."""
        start = self._buffer[:READ_LINE]
        while (end := self._buffer.find(b"\r\n")) < 0:
            let_others_run()
            self._buffer = self._buffer[-1:] + self._receive_by(deadline, awaits)
        self._buffer = self._buffer[end + 2 :]
        if self.rawlog is not None:
            self.rawlog.received(start, secret=True)
        raise LineTooLong(start)

    def read_block(self, limit: int = READ_BLOCK) -> bytes:
        """Between 1 and `limit` octets of content: those at hand, or the next to come."""
        octets = self._buffer or self._receive(min(limit, READ_BLOCK), _CONTENT)
        self._buffer = octets[limit:]
        let_others_run()
        return octets[:limit]

    def note_content(self, octets: bytes) -> None:
        """Write content to the rawlog, once it is known which octets are content."""
        if self.rawlog is not None:
            self.rawlog.received(octets)

    def unread(self, octets: bytes) -> None:
        """Put octets back in front of what comes next."""
        self._buffer = octets + self._buffer

    @property
    def has_input(self) -> bool:
        """Whether the client has sent ahead."""
        return bool(self._buffer)

    def has_left(self) -> bool:
        """Whether the client has closed the connection, without a word more."""
        if self._buffer:
            return False
        try:
            self._buffer = self._talk.sock.recv(READ_LINE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            return True
        self.octets_in += len(self._buffer)
        return not self._buffer

    def _receive(self, size: int, awaits: Awaits) -> bytes:
        if self._outbox:
            self.flush()
        self.awaits = awaits
        try:
            octets = self._talk.receive(size, time.monotonic() + self.timeout)
        except TimeoutError as error:
            raise TimedOut from error
        except OSError as error:
            raise Closed(str(error)) from error
        finally:
            self.awaits = _NOTHING
        if not octets:
            raise Closed("closed by the client")
        self.octets_in += len(octets)
        return octets

    # Out

    def send(self, reply: Reply | Answer) -> None:
        """Put a reply, or the promise of one, in the outbox."""
        self._outbox.append(reply)
        self.replies += 1

    def flush(self) -> None:
        """Send the outbox, waiting for promised replies."""
        if not self._outbox:
            return
        outbox, self._outbox = self._outbox, []
        octets = b"".join([(reply if isinstance(reply, Reply) else reply.reply()).wire for reply in outbox])
        if self.rawlog is not None:
            self.rawlog.sent(octets)
        if self._is_cut:
            raise Closed("the reply before was not sent to its end")
        self._is_cut = True
        try:
            self._talk.send(octets, time.monotonic() + self.timeout)
        except TimeoutError as error:
            raise TimedOut from error
        except OSError as error:
            raise Closed(str(error)) from error
        self._is_cut = False
        self.octets_out += len(octets)

    def drop_replies(self) -> None:
        """Forget what the outbox has: nobody waits for what was promised."""
        self._outbox = []

    # The connection

    def start_tls(self, context: ssl.SSLContext, seconds: float) -> None:
        """Flush, go over to TLS within `seconds`, and forget what came in clear text (RFC 3207 4.2)."""
        self.flush()
        self._buffer = b""
        sock = self._talk.sock
        assert not isinstance(sock, ssl.SSLSocket)
        sock.settimeout(seconds)
        try:
            self._talk.sock = shaken(context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False))
            self._talk.sock.settimeout(0)
        except TimeoutError as error:
            raise TimedOut from error
        except ssl.SSLCertVerificationError as error:
            raise Closed(f"TLS handshake failed: client certificate: {error.verify_message}") from error
        except OSError as error:  # ssl.SSLError is one
            raise Closed(f"TLS handshake failed: {error}") from error

    def lend(self) -> tuple[socket, bytes]:
        """The socket, and what was read ahead, for somebody who passes octets on; last words can still be said."""
        self.flush()
        ahead, self._buffer = self._buffer, b""
        return self._talk.sock, ahead

    @property
    def is_sending(self) -> bool:
        """Whether a reply is on its way, and the client waits for the rest of it."""
        return self._is_cut

    @property
    def silence(self) -> float | None:
        """Seconds since the client's last octets came; None where the system does not tell."""
        return silence_of(self._talk.sock)

    @property
    def tls(self) -> ssl.SSLSocket | None:
        """The TLS socket, once TLS is active."""
        sock = self._talk.sock
        return sock if isinstance(sock, ssl.SSLSocket) else None

    def linger(self) -> None:
        """Take what the client still sends for a moment: closing before that would take our last reply from it."""
        try:
            if self.tls is None:
                self._talk.sock.shutdown(SHUT_WR)
            for _ in range(MAX_LINGER_READS):
                if not self._talk.receive(READ_BLOCK, time.monotonic() + LINGER):
                    return
        except OSError:
            pass  # it has gone

    def close(self) -> None:
        """Close the connection; replies still in the outbox are dropped."""
        if self.rawlog is not None:
            self.rawlog.close()
            self.rawlog = None
        if (tls := self.tls) is not None:
            with suppress(OSError, ValueError):
                tls.unwrap()  # sends close_notify and does not wait for the client's (RFC 8446 6.1)
        self._talk.close()
