"""imaplib's dialog with an IMAP server, with the care that a stranger at the other end needs: all of it is bounded."""

from __future__ import annotations

import imaplib
import re
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from gsubmit.net.dial import connect
from gsubmit.net.stream import Stream
from gsubmit.tls.certificates import plain_words

GOODBYE_TIME = 1.0  # seconds for LOGOUT to leave
MAX_LINE = 8192  # octets, RFC 7162 4
MAX_ANSWERS = 65536  # octets of all that the server says to one command, content that was asked for apart
MAX_SHOWN = 300  # octets of the server's words that go to the log

# What imaplib raises at strange answers beside its own: it decodes as ASCII and base64, and indexes what it found.
FAULTS: Final = (imaplib.IMAP4.error, OSError, ValueError, LookupError, TypeError)
_CODE: Final = re.compile(rb"\[([A-Za-z]{1,30})[] ]")


class ImapFault(Exception):
    """Something went wrong with the server; the connection is of no use any longer. The reason is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Slow(ImapFault):
    """The server did not answer in time."""


class Lost(ImapFault):
    """The server closed the connection."""


class LoginRefused(ImapFault):
    """The server said no to a login; `code` is its response code (RFC 5530), empty without one."""

    def __init__(self, code: str) -> None:
        super().__init__(f"login refused: {code or 'no response code'}")
        self.code = code


class SaidNo(Exception):
    """The server has said no in good order, and the connection can be used again. The reason is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ImapClient(imaplib.IMAP4):
    """A connection. Whatever goes wrong is an ImapFault, in `begun` and in the methods that say so.

    What the server says once it has a password is shown to nobody: it may repeat the password.
    """

    max_answers = MAX_ANSWERS

    def __init__(self, host: str, port: int, tls_first: ssl.SSLContext | None, seconds: float) -> None:
        """Connect, hear the greeting and ask for the capabilities, all within `seconds`."""
        self.has_served = False  # it was kept: when it is lost now, that may have happened long ago
        self._is_told = False  # whether the server has been sent a password
        self._is_utf8 = True  # that password
        self._tls_first = tls_first
        self._octets = 0
        self._secrets: list[bytes] = []
        self._stream: Stream | None = None
        self._deadline = time.monotonic() + seconds
        try:
            with self._faults():
                super().__init__(host, port, seconds)
        except BaseException:
            self.shutdown()
            raise

    @contextmanager
    def begun(self, seconds: float) -> Iterator[None]:
        """For a few commands: they have to end within `seconds`, and what they raise is an ImapFault."""
        self._deadline = self._there.deadline = time.monotonic() + seconds
        self._octets = 0
        self.untagged_responses.clear()  # on a connection that is kept they would pile up
        with self._faults():
            yield

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except FAULTS as error:
            # imaplib hides a timeout while sending in an error of its own.
            if isinstance(error, TimeoutError) or time.monotonic() >= self._deadline:
                raise Slow("no answer in time") from None
            if isinstance(error, imaplib.IMAP4.abort | OSError) and not (self._stream and self._stream.ahead):
                raise Lost(self._shown(error)) from None
            raise ImapFault(self._shown(error)) from None

    def _shown(self, error: BaseException) -> str:
        """A fault for the log, without the words of a server that has seen a password."""
        if self._is_told:
            return type(error).__name__
        text = plain_words(error) if isinstance(error, OSError | ValueError) else str(error)
        shown = text.encode("ascii", "backslashreplace").decode()
        return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]} ..."

    # The dialog

    def go_over_to_tls(self, context: ssl.SSLContext) -> None:
        """STARTTLS; forget all that was said in clear text before (RFC 9051 11.1)."""
        if "STARTTLS" not in self.capabilities:
            raise ImapFault("the server does not offer STARTTLS")
        answer, _ = self.xatom("STARTTLS")
        if answer != "OK":
            raise ImapFault("the server refused STARTTLS")
        self._there.start_tls(context, self.host)
        self.untagged_responses.clear()
        self.learn()

    def log_in(self, user: str, password: str, authorization_id: str = "") -> None:
        """AUTHENTICATE PLAIN, or LOGIN where that is not offered. Raises LoginRefused."""
        if self.state != "NONAUTH":
            raise ImapFault("the server greets with PREAUTH, which proves nothing")
        self._is_told = False
        octets = password.encode("utf-8", "surrogateescape")  # as the user typed it, perhaps in Latin-1
        self._is_utf8 = octets.decode("utf-8", "ignore") == password
        if "AUTH=PLAIN" in self.capabilities and (
            self._is_utf8 or authorization_id or "LOGINDISABLED" in self.capabilities
        ):
            self._secrets = [b64encode(f"{authorization_id}\0{user}\0".encode() + octets)]
            arguments = ["PLAIN"]
            if "SASL-IR" in self.capabilities:
                self._is_told = True
                arguments.append(self._secrets.pop().decode())
            answer, data = self._command_with_secrets("AUTHENTICATE", arguments)
        elif "LOGINDISABLED" in self.capabilities:
            raise ImapFault("the server allows no login" + ("" if self.tls else " without TLS"))
        elif authorization_id:
            raise ImapFault("the server does not offer AUTHENTICATE PLAIN, and so no login for others")
        else:
            # Literals, for quoted strings cannot hold everything, and PLAIN only UTF-8 (RFC 4616 2). The first one ends
            # with the size of the second.
            name = user.encode()
            self._secrets = [octets, name + b" {%d}" % len(octets)]
            answer, data = self._command_with_secrets("LOGIN", [f"{{{len(name)}}}"])
        if answer != "OK":
            raise LoginRefused(response_code(data))
        if not self._is_told:
            raise ImapFault("the server accepted the login before it had the password")
        self.state = "AUTH"  # imaplib does not know what these commands do

    def log_in_by_token(self, mechanism: str, response: str) -> None:
        """AUTHENTICATE by a mechanism for tokens, with its one response (RFC 7628 3.1). Raises LoginRefused."""
        if self.state != "NONAUTH":
            raise ImapFault("the server greets with PREAUTH, which proves nothing")
        if f"AUTH={mechanism}" not in self.capabilities:
            raise ImapFault(f"the server does not offer AUTHENTICATE {mechanism}")
        self._is_told, self._is_utf8 = False, True
        # What the server says to a token that it does not take is answered by something empty, and then it says no.
        self._secrets = [b"", b64encode(response.encode())]
        answer, data = self._command_with_secrets("AUTHENTICATE", [mechanism])
        if answer != "OK":
            raise LoginRefused(response_code(data))
        if len(self._secrets) > 1:
            raise ImapFault("the server accepted the login before it had the token")
        self.state = "AUTH"

    def _command_with_secrets(self, name: str, arguments: list[str]) -> tuple[str, list[Any]]:
        if self._secrets:
            self.literal = self._next_secret  # type: ignore[assignment]  # imaplib calls it when the server asks
        try:
            return self.xatom(name, *arguments)
        except FAULTS as error:
            if isinstance(error, TimeoutError):
                raise
            is_bad = isinstance(error, imaplib.IMAP4.error) and " BAD " in str(error)[:60]
            if is_bad and self._is_told and not self._is_utf8:  # the server reads no such password, and has none
                raise LoginRefused("") from None
            # The cause would hold its words.
            raise ImapFault(f"the server answered {name} with {'BAD' if is_bad else 'nonsense, or the end'}") from None

    def _next_secret(self, _: bytes) -> bytes:
        if not self._secrets:
            raise self.abort("asked for more than there is")
        secret = self._secrets.pop()
        self._is_told = not any(self._secrets)
        return secret

    def learn(self) -> None:
        """The capabilities, which are others after STARTTLS and after a login."""
        self.capabilities = _words(self.capability()[1])

    @property
    def tls(self) -> ssl.SSLSocket | None:
        """The TLS socket, once TLS is active."""
        return self._there.tls

    def is_silent(self) -> bool:
        """Whether it is open and nothing has come unasked: whatever comes, such as BYE, it is of no use any longer."""
        return self._stream is not None and self._stream.is_silent()

    # What imaplib leaves to subclasses

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        """Connect, with TLS when it comes first."""
        assert timeout is not None
        self.host, self.port = host, port
        self._stream = Stream(connect(host.strip("[]"), port, timeout), self._deadline)
        if self._tls_first is not None:
            self._stream.start_tls(self._tls_first, host)

    def readline(self) -> bytes:
        """The next line, or what there is of it when the server closes."""
        line = self._there.read_line(MAX_LINE)
        self._octets += len(line)
        if self._octets > self.max_answers:
            raise self.error("endless answers")
        return line

    def read(self, size: int) -> bytes:
        """The octets of a literal."""
        self._octets += size
        if self._octets > self.max_answers:
            raise self.error("endless literal")
        return self._there.read_all(size)

    def _log(self, line: Any) -> None:
        """imaplib would keep the last lines of the dialog, passwords and tokens among them."""

    def send(self, data: Any) -> None:
        """All of it, within the time that is left."""
        self._there.send(data)

    def shutdown(self) -> None:
        """Close; may be called twice."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def leave(self) -> None:
        """LOGOUT, whose answer nobody needs, and the end."""
        try:
            if self._stream is not None:
                self._stream.allow(GOODBYE_TIME)
                self._stream.send(b"Z LOGOUT\r\n")
        except OSError:
            pass  # it is over in any case
        finally:
            self.shutdown()

    @property
    def _there(self) -> Stream:
        assert self._stream is not None
        return self._stream


def _words(data: list[Any]) -> tuple[str, ...]:
    """Capabilities, in upper case."""
    line = data[-1] if data and isinstance(data[-1], bytes) else b""
    return tuple(line.decode("ascii", "replace").upper().split())


def response_code(data: list[Any]) -> str:
    """The response code of a tagged answer, in upper case (RFC 5530)."""
    line = data[-1] if data and isinstance(data[-1], bytes) else b""
    found = _CODE.match(line)
    return found[1].decode().upper() if found else ""
