"""OpenSSL itself, for the little that Python's ssl has no way to.

It is asked through ctypes. For that its `SSL *` is taken out of the object that CPython keeps it in, which no interface
promises: what stands around it is looked at each time, and whoever uses it tries it first.
"""

from __future__ import annotations

import _ssl
import ctypes
import ssl
import sys
from functools import cache
from typing import Any

_THREE_POINTERS = ctypes.c_void_p * 3


def connection(sock: ssl.SSLSocket | ssl.SSLObject) -> int | None:
    """The address of OpenSSL's SSL structure, if all around it is as CPython 3.11 to 3.13 have it.

    PySSLSocket in CPython's Modules/_ssl.c begins: PyObject_HEAD, a weak reference to the socket, `SSL *`, the
    context. The last of these is known otherwise, so it shows that the one before is what we take it for.
    """
    inner: Any = sock._sslobj  # type: ignore[union-attr]
    if type(inner) is not _ssl._SSLSocket:  # type: ignore[attr-defined]
        return None
    start = object.__basicsize__
    if type(inner).__basicsize__ < start + ctypes.sizeof(_THREE_POINTERS):
        return None
    _, address, context = _THREE_POINTERS.from_address(id(inner) + start)
    return address if context == id(inner.context) else None


@cache
def library() -> ctypes.PyDLL:
    """The OpenSSL that Python's ssl uses: there may be others in the process. Raises OSError, AttributeError.

    PyDLL keeps the interpreter's lock, so nobody uses the connection meanwhile.
    """
    found = ctypes.PyDLL(getattr(_ssl, "__file__", None))  # a Python in one piece has it in itself
    pointer, text, number, length = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
    export = found.SSL_export_keying_material
    export.argtypes = (pointer, text, length, text, length, text, length, number)
    export.restype = number
    found.SSL_set0_rbio.argtypes, found.SSL_set0_rbio.restype = (pointer, pointer), None
    found.BIO_s_mem.argtypes, found.BIO_s_mem.restype = (), pointer
    found.BIO_new.argtypes, found.BIO_new.restype = (pointer,), pointer
    found.BIO_write.argtypes, found.BIO_write.restype = (pointer, text, number), number
    found.SSL_shutdown.argtypes, found.SSL_shutdown.restype = (pointer,), number
    found.ERR_clear_error.argtypes, found.ERR_clear_error.restype = (), None
    return found


class Source:
    """What a connection reads from, instead of the socket itself. It keeps alive what it points to."""

    __slots__ = ("_address", "_holder", "_memory", "_write")

    def __init__(self, sock: ssl.SSLSocket | ssl.SSLObject) -> None:
        """Before the handshake. Raises ValueError where OpenSSL cannot be asked."""
        try:
            openssl = library()
        except (AttributeError, OSError) as error:
            raise ValueError("OpenSSL cannot be asked") from error
        address = connection(sock)
        if address is None:
            raise ValueError("unknown layout of the connection")
        self._holder = sock._sslobj  # type: ignore[union-attr]
        self._address = address
        self._write = openssl.BIO_write
        self._memory = openssl.BIO_new(openssl.BIO_s_mem())
        if not self._memory:
            raise ValueError("no memory")
        openssl.SSL_set0_rbio(address, self._memory)  # which owns it from now on

    def give(self, octets: bytes) -> bool:
        """Let the connection read these octets; whether it has them."""
        return bool(self._write(self._memory, octets, len(octets)) == len(octets))

    def say_end(self) -> None:
        """Send close_notify, if there is room for it, and look for nothing: what was given can still be read."""
        library().SSL_shutdown(self._address)
        library().ERR_clear_error()


@cache
def is_reachable() -> bool:
    """Whether we can stand between a socket and OpenSSL in this process: tried on a connection that gets no TLS."""
    if sys.implementation.name != "cpython":
        return False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
    try:
        is_given = Source(server).give(b"GET / HTTP/1.1\r\n\r\n")
        server.do_handshake()
    except ssl.SSLWantReadError:  # it has looked somewhere else
        return False
    except ssl.SSLError as error:
        return is_given and error.reason == "HTTP_REQUEST"
    except ValueError:
        return False
    return False
