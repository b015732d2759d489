"""A TLS socket that nobody can keep busy with records that bring nothing, for both legs."""

from __future__ import annotations

import select
import socket
import ssl
import time
from typing import TYPE_CHECKING

from gsubmit import openssl

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Records without data in a row: KeyUpdate and session tickets (RFC 8446 4.6), refused renegotiation (RFC 5246 7.4.1.1),
# warnings. OpenSSL itself stops at as many empty ones (MAX_EMPTY_RECORDS); nobody who means well sends more than a few.
MAX_WITHOUT_DATA = 32


class TlsSocket(ssl.SSLSocket):
    """A TLS socket whose reads let others run after each record.

    By itself OpenSSL reads on until there is data: as long as the peer has other records to send, nobody else would be
    served and no timer would fire. Too many of them in a row are an ssl.SSLError.
    """

    _reading: openssl.Reading | None = None  # from the handshake on, where OpenSSL can be asked
    _without_data = 0  # records in a row
    _octets_before: int | None = None  # taken from the socket up to the last record without data; None after data

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands; from then on reads come back after each record."""
        super().do_handshake()  # `block` is of the standard library alone, which makes no use of it here
        if openssl.is_reachable():
            reading = openssl.Reading(self)
            reading.stop_after_each_record()
            self._octets_before = reading.octets
            self._reading = reading

    def read(self, len: int = 1024, buffer: WriteableBuffer | None = None) -> bytes:
        """As ssl.SSLSocket.read; recv and recv_into come here. Raises ssl.SSLError after MAX_WITHOUT_DATA."""
        timeout = self.gettimeout()
        if self._reading is None:
            return super().read(len, buffer)
        if timeout == 0:
            return self._read_at_hand(len, buffer)
        while True:
            self.settimeout(0)
            try:
                return self._read_once(len, buffer)
            except ssl.SSLWantReadError:
                wants_room, is_served = False, self._took_something(self._reading)
            except ssl.SSLWantWriteError:
                wants_room, is_served = True, True
            finally:
                self.settimeout(timeout)
            if is_served:
                time.sleep(0)
            if wants_room:
                self._wait_for_room(timeout)
            else:
                socket.socket.recv(self, 1, socket.MSG_PEEK)  # waits for what comes next, and leaves it there

    def _read_at_hand(self, octets: int, buffer: WriteableBuffer | None) -> bytes:
        """What there is without waiting, also behind records without data. Raises SSLWantReadError."""
        assert self._reading is not None
        for _ in range(MAX_WITHOUT_DATA + 2):
            try:
                return self._read_once(octets, buffer)
            except ssl.SSLWantReadError:
                self._took_something(self._reading)
            try:
                socket.socket.recv(self, 1, socket.MSG_PEEK)
            except BlockingIOError:
                break
        raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "nothing but records without data")

    def _read_once(self, octets: int, buffer: WriteableBuffer | None) -> bytes:
        if self._without_data > MAX_WITHOUT_DATA:
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, f"more than {MAX_WITHOUT_DATA} TLS records without data")
        found = super().read(octets, buffer)
        self._without_data = 0
        self._octets_before = None
        return found

    def _took_something(self, reading: openssl.Reading) -> bool:
        """Whether a read that gave no data had something to do."""
        if reading.is_within_record:
            return True
        octets, before = reading.octets, self._octets_before
        self._octets_before = octets
        if before is None or octets == before:  # after data, its own record may be all that was taken
            return False
        self._without_data += 1
        return True

    def _wait_for_room(self, timeout: float | None) -> None:
        waiting = select.poll()
        waiting.register(self, select.POLLOUT)
        if not waiting.poll(None if timeout is None else timeout * 1000):
            raise TimeoutError("timed out")
