"""The channel binding `tls-exporter`: keying material exported from TLS (RFC 9266, RFC 8446 7.5).

Python's ssl has no way to it yet, so OpenSSL itself is asked (`openssl.py`), and tried before it is used.
"""

from __future__ import annotations

import ctypes
import ssl
import sys
from contextlib import suppress
from functools import cache

from gsubmit.tls import certificates, openssl
from gsubmit.tls.selfsigned import self_signed

TYPE = "tls-exporter"
LABEL = b"EXPORTER-Channel-Binding"  # RFC 9266 2, as the length
OCTETS = 32


def tls_exporter(sock: ssl.SSLSocket | ssl.SSLObject) -> bytes | None:
    """The binding of a TLS 1.3 connection. None where it is not safe (RFC 9266 4.2) or cannot be had."""
    if sock.version() != "TLSv1.3":
        return None
    if TYPE in ssl.CHANNEL_BINDING_TYPES:  # some later Python
        return sock.get_channel_binding(TYPE)
    return _exported(sock) if is_reliable() else None


@cache
def is_reliable() -> bool:
    """Whether our way to OpenSSL works in this process: both ends of a connection export the same, others not."""
    if sys.implementation.name != "cpython":
        return False
    try:
        contexts = _contexts()
        (server, client), (other_server, other_client) = _connected(*contexts), _connected(*contexts)
        exported, other = _exported(server), _exported(other_server)
        same = exported == _exported(client) and other == _exported(other_client)
    except (AttributeError, OSError, ValueError, certificates.CertificateError):  # something is not there, or not so
        return False
    return same and exported != other and None not in (exported, other)


def _exported(sock: ssl.SSLSocket | ssl.SSLObject) -> bytes | None:
    connection = openssl.connection(sock)
    if connection is None:
        return None
    exported = ctypes.create_string_buffer(OCTETS)
    # The context is there, but empty. TLS 1.3 makes no difference between that and none.
    done = openssl.library().SSL_export_keying_material(connection, exported, OCTETS, LABEL, len(LABEL), b"", 0, 1)
    if done != 1:
        openssl.library().ERR_clear_error()  # or Python would blame it on its next call
        return None
    return exported.raw


def _connected(server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends of a connection in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server)
    for end in (client, server, client, server):
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return server, client


def _contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """For a server with a certificate made for the purpose, and a client that takes it."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.minimum_version = client.minimum_version = ssl.TLSVersion.TLSv1_3
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    certificate, key = self_signed("localhost", "127.0.0.1", 1)
    certificates.load(server, certificate, key, "", certificates.SERVER)
    return server, client
