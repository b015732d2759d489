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

_CTRL_CLEAR_MODE = 78  # SSL_CTRL_CLEAR_MODE of openssl/ssl.h
_MODE_AUTO_RETRY = 4  # SSL_MODE_AUTO_RETRY, which CPython sets


def connection(sock: ssl.SSLSocket | ssl.SSLObject) -> int | None:
    """The address of OpenSSL's SSL structure, if all around it is as CPython 3.11 to 3.14 have it.

    PySSLSocket in CPython's Modules/_ssl.c begins: PyObject_HEAD, a weak reference to the socket, `SSL *`, the
    context. The last of these is known otherwise, so it shows that the one before is what we take it for.
    """
    inner: Any = sock._sslobj  # type: ignore[union-attr]
    if type(inner) is not _ssl._SSLSocket:  # type: ignore[attr-defined]
        return None
    start, words = object.__basicsize__, ctypes.c_void_p * 3
    if type(inner).__basicsize__ < start + ctypes.sizeof(words):
        return None
    _, address, context = words.from_address(id(inner) + start)
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
    found.SSL_ctrl.argtypes, found.SSL_ctrl.restype = (pointer, number, ctypes.c_long, pointer), ctypes.c_long
    found.SSL_has_pending.argtypes, found.SSL_has_pending.restype = (pointer,), number
    found.SSL_get_rbio.argtypes, found.SSL_get_rbio.restype = (pointer,), pointer
    found.BIO_number_read.argtypes, found.BIO_number_read.restype = (pointer,), ctypes.c_uint64
    found.ERR_clear_error.argtypes, found.ERR_clear_error.restype = (), None
    return found


class Reading:
    """How a connection is read on OpenSSL's side. It keeps alive what it points to."""

    __slots__ = ("_address", "_holder", "_library", "_source")

    def __init__(self, sock: ssl.SSLSocket | ssl.SSLObject) -> None:
        """After the handshake. Raises ValueError where OpenSSL cannot be asked."""
        try:
            self._library = library()
        except (AttributeError, OSError) as error:
            raise ValueError("OpenSSL cannot be asked") from error
        address = connection(sock)
        if address is None:
            raise ValueError("unknown layout of the connection")
        self._holder = sock._sslobj  # type: ignore[union-attr]
        self._address = address
        self._source = self._library.SSL_get_rbio(address)

    def stop_after_each_record(self) -> bool:
        """Have a read come back after each record, also after one without data; whether that is so now."""
        return not self._library.SSL_ctrl(self._address, _CTRL_CLEAR_MODE, _MODE_AUTO_RETRY, None) & _MODE_AUTO_RETRY

    @property
    def octets(self) -> int:
        """How many octets it has taken from the socket."""
        return int(self._library.BIO_number_read(self._source))

    @property
    def is_within_record(self) -> bool:
        """Whether it has a part of a record, or of what one held, and is not done with it."""
        return bool(self._library.SSL_has_pending(self._address))


@cache
def is_reachable() -> bool:
    """Whether reading can be held to one record at a time in this process: tried on a connection to nobody."""
    if sys.implementation.name != "cpython":
        return False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        reading = Reading(context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True))
    except ValueError:
        return False
    return reading.octets == 0 and not reading.is_within_record and reading.stop_after_each_record()
