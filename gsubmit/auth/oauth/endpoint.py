"""A URL of an authorization server, and requests to it that end in time whatever the server does."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from typing import NamedTuple, Self
from urllib.parse import unquote, urlencode, urlsplit

from gsubmit.auth.passdb import Unavailable
from gsubmit.net.dial import connect
from gsubmit.net.resolve import LookupFailed
from gsubmit.settings.hosts import bracketed, is_loopback
from gsubmit.tls.certificates import server_name

MAX_BODY = 262_144  # octets; a set of keys has a few thousand


@dataclass(frozen=True)
class Endpoint:
    """An http or https URL in its parts. Its text, for the log, leaves out what may be secret."""

    is_tls: bool
    host: str
    port: int
    path: str
    query: str = field(default="", repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """The parts of a URL, or ValueError. Plain http is for this machine only: tokens would cross the network."""
        if not (url.isascii() and url.isprintable()) or " " in url:
            raise ValueError("not a URL: blanks, control and non-ASCII characters must be percent-encoded")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise ValueError("not a URL") from None
        if parts.scheme not in ("http", "https") or not host:
            raise ValueError("expected https://HOST/PATH")
        if "#" in url:
            raise ValueError("a URL of a server has no fragment (#)")
        is_tls = parts.scheme == "https"
        if not is_tls and not is_loopback(host):
            raise ValueError("http without TLS is for loopback addresses only, tokens would be sent in clear text")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        # `https://host/path?` is a URL to append a token to; urlsplit forgets the question mark.
        query = f"?{parts.query}" if parts.query or url.endswith("?") else ""
        return cls(is_tls, host, port or (443 if is_tls else 80), parts.path or "/", query, user, password)

    def __str__(self) -> str:
        port = "" if self.port == (443 if self.is_tls else 80) else f":{self.port}"
        return f"{'https' if self.is_tls else 'http'}://{bracketed(self.host)}{port}{self.path}"


class Reply(NamedTuple):
    """What a server answered."""

    status: int
    body: bytes

    def __repr__(self) -> str:
        return f"Reply({self.status}, {len(self.body)} octets)"


class Client:
    """Sends one request per connection. Redirects are not followed: they would take a token to another place."""

    def __init__(self, context: ssl.SSLContext, timeout: float) -> None:
        """`timeout`: seconds for everything from the connection to the last octet, the lookup of the name included."""
        self._context = context
        self.timeout = timeout

    def ask(
        self, endpoint: Endpoint, *, suffix: str = "", form: Mapping[str, str] | None = None, authorization: str = ""
    ) -> Reply:
        """POST a form, or without one GET the endpoint, with `suffix` (encoded already) appended to its URL.

        Raises Unavailable.
        """
        deadline = time.monotonic() + self.timeout
        headers = {"Accept": "application/json", "User-Agent": "gsubmit", "Connection": "close"}
        method, body = "GET", None
        if authorization:
            headers["Authorization"] = authorization
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            method, body = "POST", urlencode(form).encode("ascii")
        try:
            with self._connection(endpoint, deadline) as connection:
                connection.request(method, endpoint.path + endpoint.query + suffix, body, headers)
                with connection.getresponse() as response:
                    reply = Reply(response.status, response.read(MAX_BODY + 1))
            _left(deadline)  # what came last may have been cut
        except (OSError, HTTPException) as error:
            raise Unavailable(f"{endpoint}: {self._reason(error, deadline)}") from None
        if len(reply.body) > MAX_BODY:
            raise Unavailable(f"{endpoint}: answered more than {MAX_BODY} octets")
        return reply

    def reach(self, endpoint: Endpoint) -> str:
        """Connect and ask nothing; the version of TLS, empty without. Raises Unavailable."""
        deadline = time.monotonic() + self.timeout
        try:
            with self._connection(endpoint, deadline) as connection:
                return (connection.sock.version() or "") if isinstance(connection.sock, ssl.SSLSocket) else ""
        except OSError as error:
            raise Unavailable(f"{endpoint}: {self._reason(error, deadline)}") from None

    def _reason(self, error: OSError | HTTPException, deadline: float) -> str:
        """Why there is no answer, in words that hold nothing that was sent or received."""
        if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
            return f"no answer within {self.timeout:g} seconds"
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"certificate not accepted: {error.verify_message}"
        if isinstance(error, LookupFailed):
            return str(error)
        if isinstance(error, HTTPException) and not isinstance(error, OSError):
            return "not an HTTP answer"
        return error.strerror or "connection lost"

    @contextmanager
    def _connection(self, endpoint: Endpoint, deadline: float) -> Iterator[HTTPConnection]:
        with connect(endpoint.host, endpoint.port, _left(deadline)) as sock, _cut_at(deadline, sock):
            sock.settimeout(_left(deadline))
            if not endpoint.is_tls:
                connection = HTTPConnection(endpoint.host, endpoint.port)
                connection.sock = sock
                yield connection
                return
            # The handshake comes later, so that whatever ends it finds a socket to close.
            with self._context.wrap_socket(
                sock, server_hostname=server_name(endpoint.host), do_handshake_on_connect=False
            ) as tls_sock:
                tls_sock.do_handshake()
                connection = HTTPSConnection(endpoint.host, endpoint.port, context=self._context)
                connection.sock = tls_sock
                yield connection


@contextmanager
def _cut_at(deadline: float, sock: socket.socket) -> Iterator[None]:
    """End the connection at the deadline. Timeouts of a socket begin anew with each octet, in a handshake too."""
    line = sock.dup()  # wrap_socket takes the other one away
    timer = Timer(_left(deadline), _cut, (line,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        line.close()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
