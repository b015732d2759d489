"""An end of a TLS connection that sends records without data, as nobody does who means well."""

from __future__ import annotations

import ctypes
import socket
import ssl
from contextlib import suppress
from functools import cache

from gsubmit.tls import openssl

_HANDSHAKE_OCTETS = 65536


@cache
def _library() -> ctypes.PyDLL:
    library = openssl.library()
    for name, arguments in (
        ("SSL_key_update", (ctypes.c_void_p, ctypes.c_int)),
        ("SSL_new_session_ticket", (ctypes.c_void_p,)),
        ("SSL_renegotiate", (ctypes.c_void_p,)),
        ("SSL_do_handshake", (ctypes.c_void_p,)),
    ):
        getattr(library, name).argtypes = arguments
    return library


class Hostile:
    """A client or server on a socket; what it says is made first, and sent when the test wants it."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, *, server_side: bool = False) -> None:
        self.sock = sock
        self._into, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._into, self._out, server_side=server_side)

    def shake_hands(self) -> None:
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.sock.sendall(self._out.read())
                self._into.write(self.sock.recv(_HANDSHAKE_OCTETS))
        self.sock.sendall(self._out.read())

    def _made(self, function: str, *arguments: int) -> bytes:
        address = openssl.connection(self.tls)
        assert address is not None
        assert getattr(_library(), function)(address, *arguments) == 1
        _library().SSL_do_handshake(address)
        _library().ERR_clear_error()
        return self._out.read()

    def key_update(self, *, asks: bool = False) -> bytes:
        """A KeyUpdate of TLS 1.3; `asks` for one of the other side too."""
        return self._made("SSL_key_update", int(asks))

    def ticket(self) -> bytes:
        """A session ticket, of a server with TLS 1.3."""
        return self._made("SSL_new_session_ticket")

    def renegotiation(self) -> bytes:
        """A ClientHello or HelloRequest of TLS 1.2, in a connection that is there already. Once only."""
        return self._made("SSL_renegotiate")

    def data(self, octets: bytes) -> bytes:
        """A record with data."""
        self.tls.write(octets)
        return self._out.read()

    def end(self) -> bytes:
        """A close_notify."""
        with suppress(ssl.SSLWantReadError):  # the answer to it
            self.tls.unwrap()
        return self._out.read()

    def hear(self) -> bytes:
        """What the other side says next."""
        while True:
            try:
                return self.tls.read(_HANDSHAKE_OCTETS)
            except ssl.SSLWantReadError:
                octets = self.sock.recv(_HANDSHAKE_OCTETS)
                if not octets:
                    return b""
                self._into.write(octets)
