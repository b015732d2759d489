"""A TLS socket that nobody can keep busy with records that bring nothing, for both legs."""

from __future__ import annotations

import select
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

from gsubmit.fairness import let_others_run
from gsubmit.tls import openssl

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Records without data in a row: KeyUpdate and session tickets (RFC 8446 4.6), refused renegotiation (RFC 5246 7.4.1.1),
# pieces of them, warnings. OpenSSL itself stops at as many empty ones (MAX_EMPTY_RECORDS); nobody who means well sends
# more than a few.
MAX_WITHOUT_DATA = 32
# The other side's records in a handshake. Certificates of 100 kB, OpenSSL's limit, take seven; some cut up their hello.
MAX_IN_HANDSHAKE = 100
MAX_RECORD = 16384  # octets of data in a record (RFC 8446 5.1), and so the most that one read brings
# Records of this size come a few at a time, for there is room for a few only in what is read at once.
_LARGE = 4096
_HEADER = 5  # octets of a record before its content (RFC 8446 5.1)
_READ_SIZE = 65536


class TlsSocket(ssl.SSLSocket):
    """A TLS socket, in a patched process, that gives OpenSSL one record at a time, or the few large ones at hand.

    By itself OpenSSL reads on until there is data, or a whole handshake message: as long as the peer has records to
    send, nobody else would be served and no timer would fire. Too many of them in a row are an ssl.SSLError.
    """

    _sslobj: Any
    _source: openssl.Source | None = None  # from the handshake on, where OpenSSL can be asked
    _incoming = b""  # not given to OpenSSL yet
    _left = 0  # octets of the records that are being given
    _has_more = False  # OpenSSL has been given more than one, and not been asked for all of them
    _records = 0  # in a row without data
    _began = 0.0  # the first wait of this read or handshake, on the clock of time.monotonic; 0 before it
    _has_ended = False  # the other side has said or shown that nothing more comes

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands. `block` is of the standard library alone, and means nothing here."""
        if self._source is None:
            if not openssl.is_reachable():
                super().do_handshake()
                return
            self._source = openssl.Source(self)
        self._began = 0.0
        while True:
            try:
                self._sslobj.do_handshake()
                break
            except ssl.SSLWantReadError:
                if not self._give_record(MAX_IN_HANDSHAKE):
                    raise ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "EOF occurred in violation of protocol") from None
            except ssl.SSLWantWriteError:
                self._wait_for_room()
        self._records = 0

    def read(self, len: int = 1024, buffer: WriteableBuffer | None = None) -> Any:
        """As ssl.SSLSocket.read; recv and recv_into come here. Raises ssl.SSLError after MAX_WITHOUT_DATA."""
        if self._source is None:
            return super().read(len, buffer)
        if self._sslobj is None:
            raise ValueError("Read on closed or unwrapped SSL socket.")
        if self._has_ended:
            return b"" if buffer is None else 0
        self._began = 0.0
        is_worth_asking = self._has_more or self._sslobj.pending() > 0
        while is_worth_asking or self._give_record(MAX_WITHOUT_DATA):
            try:
                found = self._sslobj.read(len) if buffer is None else self._sslobj.read(len, buffer)
            except ssl.SSLWantReadError:
                is_worth_asking = self._has_more = False
            except ssl.SSLWantWriteError:
                self._wait_for_room()
                is_worth_asking = True
            else:
                self._records = 0
                self._has_ended = not found and bool(len if buffer is None else memoryview(buffer).nbytes)
                return found
        self._has_ended = True
        return b"" if buffer is None else 0

    @property
    def has_octets(self) -> bool:
        """Whether some have come already that were not read, so that waiting for the socket may be in vain."""
        return bool(self._incoming) or self._has_more or self._sslobj.pending() > 0

    def say_end(self) -> None:
        """Say that nothing more comes, without a wait; what the other side says can still be read.

        `unwrap` would look for the other's end at once, and break the connection at data that was not read yet.
        """
        if self._source is None:
            self.unwrap()
        elif self._sslobj is not None:
            self._source.say_end()

    def _give_record(self, most: int) -> bool:
        """Let OpenSSL have the next record, or what there is of it, with large ones behind a large one.

        False when the other side has closed.
        """
        assert self._source is not None
        if not self._left:
            while len(self._incoming) < _HEADER:
                if not self._receive():
                    return False
            if self._records > most:
                raise ssl.SSLError(ssl.SSL_ERROR_SSL, f"more than {most} TLS records without data")
            if self._records and self.gettimeout() != 0:
                let_others_run()
            self._left = _size(self._incoming, 0)
            self._records += 1
            if self._left >= _LARGE:
                self._take_large_ones()
        elif not self._incoming and not self._receive():
            return False
        piece, self._incoming = self._incoming[: self._left], self._incoming[self._left :]
        self._left -= len(piece)
        if not self._source.give(piece):
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, "OpenSSL takes no more")
        return True

    def _take_large_ones(self) -> None:
        """Give those records too that begin behind a large one and are large themselves."""
        incoming, end = self._incoming, len(self._incoming) - _HEADER
        while self._left <= end and (size := _size(incoming, self._left)) >= _LARGE:
            self._left += size
            self._records += 1
            self._has_more = True

    def _receive(self) -> bool:
        """Take in what comes. The waits of one read, or handshake, take no longer together than one may alone."""
        timeout = self.gettimeout() if self._began else None
        if timeout:
            left = self._began + timeout - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self.settimeout(left)
        else:
            self._began = time.monotonic()
        try:
            octets = socket.socket.recv(self, _READ_SIZE)
        except BlockingIOError:
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "no more for now") from None
        finally:
            if timeout:
                self.settimeout(timeout)
        self._incoming += octets
        return bool(octets)

    def _wait_for_room(self) -> None:
        timeout = self.gettimeout()
        if timeout == 0:
            raise ssl.SSLWantWriteError(ssl.SSL_ERROR_WANT_WRITE, "no room for now")
        waiting = select.poll()
        waiting.register(self, select.POLLOUT)
        if not waiting.poll(None if timeout is None else timeout * 1000):
            raise TimeoutError("timed out")


def _size(octets: bytes, at: int) -> int:
    """The octets of a record with its header; the hello of SSL 2, with which old clients begin, has another."""
    if octets[at] & 0x80:  # RFC 5246 E.2
        return max(((octets[at] & 0x7F) << 8 | octets[at + 1]) + 2, _HEADER)
    return _HEADER + (octets[at + 3] << 8 | octets[at + 4])
