"""Session tickets (RFC 5077, RFC 8446 4.6.1) that several processes can open, though each has contexts of its own."""

from __future__ import annotations

import ctypes
import hashlib
import ssl
from functools import cache

from gsubmit.tls import openssl

_GET_KEYS, _SET_KEYS = 58, 59  # SSL_CTRL_GET_TLSEXT_TICKET_KEYS, SSL_CTRL_SET_TLSEXT_TICKET_KEYS (openssl/ssl.h)


def use_keys(context: ssl.SSLContext, secret: bytes, place: int) -> bool:
    """Let a server's context seal its tickets with keys of this secret; False where OpenSSL cannot be asked.

    Contexts at the same place of the same configuration open each other's tickets, and no others do: what was checked
    of a client, its certificate too, holds for as long as the ticket.
    """
    connection = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
    address = openssl.connection(connection)
    if address is None or not openssl.is_reachable():
        return False
    its_context = _library().SSL_get_SSL_CTX(address)
    size = _library().SSL_CTX_ctrl(its_context, _GET_KEYS, 0, None)
    keys = hashlib.shake_256(b"%d " % place + secret).digest(size)
    return bool(_library().SSL_CTX_ctrl(its_context, _SET_KEYS, size, keys) == 1)


@cache
def _library() -> ctypes.PyDLL:
    found = openssl.library()
    pointer = ctypes.c_void_p
    found.SSL_get_SSL_CTX.argtypes, found.SSL_get_SSL_CTX.restype = (pointer,), pointer
    found.SSL_CTX_ctrl.argtypes = (pointer, ctypes.c_int, ctypes.c_long, ctypes.c_char_p)
    found.SSL_CTX_ctrl.restype = ctypes.c_long
    return found
