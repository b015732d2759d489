"""One login at an IMAP server: imaplib's dialog, with the care that a stranger at the other end needs."""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
import time
from base64 import b64encode
from typing import Any, Final, Self

from gsubmit.auth.passdb import Unavailable
from gsubmit.sasl.claims import Denied

CONNECT_PATIENCE = 5.0  # seconds for each address
PATIENCE = 60.0  # seconds for all of it; servers hold refusals back
GOODBYE_PATIENCE = 1.0  # seconds for LOGOUT to leave
MAX_LINE = 8192  # octets, RFC 7162 4
MAX_ANSWERS = 65536  # octets of all that the server says
MAX_SHOWN = 100  # octets of the server's words that go to the log
READ_SIZE = 4096

# What imaplib raises at strange answers beside its own: it decodes as ASCII, and indexes what it found.
FAULTS: Final = (imaplib.IMAP4.error, OSError, ValueError, LookupError, TypeError)

# RFC 5530. Gmail says ALERT and WEBALERT. Any other code is no answer to whether the password is right.
_DENIALS: Final = {
    "": "refused by the IMAP server",
    "ALERT": "refused by the IMAP server: ALERT",
    "WEBALERT": "refused by the IMAP server: WEBALERT",
    "AUTHENTICATIONFAILED": "refused by the IMAP server: AUTHENTICATIONFAILED",
    "AUTHORIZATIONFAILED": "refused by the IMAP server: AUTHORIZATIONFAILED",
    "EXPIRED": "password expired",
}
_KNOWN_CODES: Final = frozenset(
    {"UNAVAILABLE", "CONTACTADMIN", "SERVERBUG", "CLIENTBUG", "LIMIT", "INUSE", "NOPERM", "PRIVACYREQUIRED"}
)
_CODE: Final = re.compile(rb"\[([A-Za-z]{1,30})[] ]")


class ImapConnection(imaplib.IMAP4):
    """A connection on which one user logs in. Raises Unavailable and FAULTS, and Denied when the login is refused.

    What the server says once it has the password is shown to nobody: it may repeat the password.
    """

    def __init__(self, host: str, port: int, tls_first: ssl.SSLContext | None) -> None:
        self.is_told = False  # whether the server has seen the password
        self._tls_first = tls_first
        self._deadline = time.monotonic() + PATIENCE
        self._incoming = b""
        self._octets = 0
        self._secrets: list[bytes] = []
        self._sock: socket.socket | None = None
        try:
            super().__init__(host, port)  # hears the greeting, asks for the capabilities
        except BaseException:
            self.shutdown()
            raise

    def __exit__(self, *_: object) -> None:
        """LOGOUT, whose answer nobody needs, and the end."""
        try:
            if self._sock is not None:
                self._sock.settimeout(GOODBYE_PATIENCE)
                self._sock.sendall(b"Z LOGOUT\r\n")
        except OSError:
            pass  # it is over in any case
        finally:
            self.shutdown()

    def __enter__(self) -> Self:
        return self

    # The dialog

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Go over to TLS, and forget all that was said in clear text before (RFC 9051 11.1)."""
        if "STARTTLS" not in self.capabilities:
            raise Unavailable("the server does not offer STARTTLS")
        answer, _ = self.xatom("STARTTLS")
        if answer != "OK":
            raise Unavailable("the server refused STARTTLS")
        if self._incoming:
            raise Unavailable("clear text after STARTTLS")
        assert self._sock is not None
        self._sock.settimeout(self._left())
        self._sock = context.wrap_socket(self._sock, server_hostname=self.host)
        self.untagged_responses.clear()
        self.capabilities = _words(self.capability()[1])

    def log_in(self, user: str, password: str) -> None:
        """AUTHENTICATE PLAIN, or LOGIN where that is not offered."""
        if self.state != "NONAUTH":
            raise Unavailable("the server greets with PREAUTH, which proves nothing")
        self.is_told = False
        if "AUTH=PLAIN" in self.capabilities:
            self._secrets = [b64encode(f"\0{user}\0{password}".encode())]
            arguments = ["PLAIN"]
            if "SASL-IR" in self.capabilities:
                self.is_told = True
                arguments.append(self._secrets.pop().decode())
            answer, data = self._command_with_secrets("AUTHENTICATE", arguments)
        elif "LOGINDISABLED" in self.capabilities:
            raise Unavailable("the server allows no login" + ("" if self._is_tls() else " without TLS"))
        else:
            # Literals, for quoted strings cannot hold everything. The first one ends with the size of the second.
            name, word = user.encode(), password.encode()
            self._secrets = [word, name + b" {%d}" % len(word)]
            answer, data = self._command_with_secrets("LOGIN", [f"{{{len(name)}}}"])
        if answer != "OK":
            raise _refusal(data)
        if not self.is_told:
            raise Unavailable("the server accepted the login before it had the password")

    def _command_with_secrets(self, name: str, arguments: list[str]) -> tuple[str, list[Any]]:
        if self._secrets:
            self.literal = self._next_secret  # type: ignore[assignment]  # imaplib calls it when the server asks
        try:
            return self.xatom(name, *arguments)
        except FAULTS as error:
            if isinstance(error, TimeoutError):
                raise
            what = (
                "BAD"
                if isinstance(error, imaplib.IMAP4.error) and " BAD " in str(error)[:60]
                else "nonsense, or the end"
            )
            raise Unavailable(f"the server answered {name} with {what}") from None  # the cause would hold its words

    def _next_secret(self, _: bytes) -> bytes:
        if not self._secrets:
            raise self.abort("asked for more than there is")
        secret = self._secrets.pop()
        self.is_told = not self._secrets
        return secret

    def _is_tls(self) -> bool:
        return isinstance(self._sock, ssl.SSLSocket)

    # What imaplib leaves to subclasses

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        """Connect, with TLS when it comes first."""
        self.host, self.port = host, port
        self._sock = socket.create_connection((host, port), CONNECT_PATIENCE)
        if self._tls_first is not None:
            self._sock.settimeout(self._left())
            self._sock = self._tls_first.wrap_socket(self._sock, server_hostname=host)

    def readline(self) -> bytes:
        """The next line, or what there is of it when the server closes."""
        while (end := self._incoming.find(b"\n") + 1) == 0 and self._receive():
            if len(self._incoming) > MAX_LINE:
                raise self.abort("endless line")
        end = end or len(self._incoming)
        line, self._incoming = self._incoming[:end], self._incoming[end:]
        return line

    def read(self, size: int) -> bytes:
        """The octets of a literal."""
        if size > MAX_ANSWERS:
            raise self.abort("endless literal")
        while len(self._incoming) < size and self._receive():
            pass
        octets, self._incoming = self._incoming[:size], self._incoming[size:]
        return octets

    def send(self, data: Any) -> None:
        """All of it, within the time that is left."""
        assert self._sock is not None
        self._sock.settimeout(self._left())
        self._sock.sendall(data)

    def shutdown(self) -> None:
        """Close; may be called twice."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _receive(self) -> bool:
        assert self._sock is not None
        self._sock.settimeout(self._left())
        octets = self._sock.recv(READ_SIZE)
        self._incoming += octets
        self._octets += len(octets)
        if self._octets > MAX_ANSWERS:
            raise self.abort("endless answers")
        return bool(octets)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        return left


def shown(error: BaseException) -> str:
    """A fault for the log, of a server that has not seen the password."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = getattr(error, "strerror", None) or str(error)
    return text.encode("ascii", "backslashreplace").decode()[:MAX_SHOWN]


def _words(data: list[Any]) -> tuple[str, ...]:
    """Capabilities, in upper case."""
    line = data[-1] if data and isinstance(data[-1], bytes) else b""
    return tuple(line.decode("ascii", "replace").upper().split())


def _refusal(data: list[Any]) -> Denied | Unavailable:
    """What a NO means."""
    line = data[-1] if data and isinstance(data[-1], bytes) else b""
    found = _CODE.match(line)
    code = found[1].decode().upper() if found else ""
    if code in _DENIALS:
        return Denied(_DENIALS[code])
    return Unavailable(f"the server refused the login: {code if code in _KNOWN_CODES else 'unknown response code'}")
