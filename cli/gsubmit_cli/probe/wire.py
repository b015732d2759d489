"""The client's connection: lines and octets, in the clear or inside TLS. Every trouble comes out as Broken."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gsubmit.net.dial import connected
from gsubmit.net.resolve import LookupFailed
from gsubmit.net.stream import ClearText, LineTooLong, Stream
from gsubmit_cli.probe.failure import Broken

MAX_LINE = 16384  # octets; replies have at most 512, SASL challenges 12288 (RFC 4954 4)
BLOCK = 65536  # a timeout counts for one block, so that a long message may take long


class Wire(Stream):
    """A stream with a time limit for each line read and each block written, in seconds."""

    def __init__(self, sock: socket.socket, timeout: float, ahead: bytes = b"") -> None:
        super().__init__(sock, 0, ahead)
        self.timeout = timeout

    @classmethod
    def connect(cls, host: str, port: int, timeout: float, note: Callable[[str], None]) -> Wire:
        """Try the addresses of `host` one after the other; each attempt is told to `note`."""
        trouble: Broken | None = None
        with _troubles():
            addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for *_, address in addresses:
            try:
                with _troubles():
                    sock = connected(address, timeout)
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except Broken as failed:
                trouble = failed
                note(f"{address[0]} port {port}: {failed}")
            else:
                note(f"connected to {address[0]} port {port}")
                return cls(sock, timeout)
        raise trouble or Broken("name", "the name has no address")

    def next_line(self) -> bytes:
        """One line without its line end. The time limit is for the whole line, so a slow server cannot stretch it."""
        with self._limited():
            line = self.read_line(MAX_LINE)
        if not line.endswith(b"\n"):
            raise Broken("closed", "the server closed the connection")
        return line.removesuffix(b"\n").removesuffix(b"\r")

    def send(self, octets: bytes) -> None:
        """Send everything."""
        for _ in self.send_blocks(octets):
            pass

    def send_blocks(self, octets: bytes) -> Iterator[int]:
        """Send everything; after each block how much has gone."""
        for start in range(0, len(octets), BLOCK):
            block = octets[start : start + BLOCK]
            with self._limited():
                super().send(block)
            yield start + len(block)

    def start_tls(self, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
        """Do the TLS handshake and talk inside TLS from now on."""
        with self._limited():
            return super().start_tls(context, host)

    @contextmanager
    def _limited(self) -> Iterator[None]:
        self.allow(self.timeout)
        with _troubles():
            yield


@contextmanager
def _troubles() -> Iterator[None]:
    """Turn what a socket, a name lookup or a handshake may raise into Broken."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise trouble_of(error) from error


def trouble_of(error: OSError | ValueError) -> Broken:
    """What a socket, a name lookup or a handshake raised, for people."""
    match error:  # order counts: special ones first
        case LineTooLong():
            return Broken("garbage", f"a line of more than {MAX_LINE} octets")
        case ClearText():
            return Broken("garbage", "the server sent more after its answer to STARTTLS, before the handshake")
        case ssl.SSLCertVerificationError():
            return Broken("untrusted", f"the certificate is not trusted: {error.verify_message}")
        case ConnectionRefusedError():
            return Broken("refused", _first_words(error))
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError() | ConnectionError():
            return Broken("closed", _first_words(error))
        case ssl.SSLError():
            return Broken("tls", f"TLS failed: {error.reason or error}")
        case TimeoutError():
            return Broken("timeout", "no answer in time")
        case LookupFailed() | socket.gaierror() | UnicodeError():
            return Broken("name", f"the host name cannot be looked up: {_first_words(error)}")
        case ValueError():  # ssl's word for a host name that cannot be in a certificate
            return Broken("name", f"not a host name: {error}")
        case _:
            return Broken("unreachable", _first_words(error))


def _first_words(error: Exception) -> str:
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return words[:1].lower() + words[1:]
