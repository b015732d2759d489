"""Channel bindings (RFC 5056): octets that both ends of a TLS connection know, and nobody between two of them."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import lru_cache, partial

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from gsubmit.tls import exporter

CERTIFICATES = 64  # of which the hash is remembered

# It is not defined for TLS 1.3 (RFC 9266 3), although Python gives something there.
_HAVE_TLS_UNIQUE = ("TLSv1", "TLSv1.1", "TLSv1.2")


def bindings(sock: ssl.SSLSocket, certificate_der: bytes) -> dict[str, Callable[[], bytes]]:
    """All that the server's end of a connection has, by type. `certificate_der` is what was sent to the client."""
    found = {
        exporter.TYPE: exporter.tls_exporter(sock),
        "tls-unique": _tls_unique(sock),
        "tls-server-end-point": _tls_server_end_point(certificate_der),
    }
    return {name: partial(bytes, octets) for name, octets in found.items() if octets}


def _tls_unique(sock: ssl.SSLSocket) -> bytes | None:
    """The first Finished message of the handshake (RFC 5929 3).

    Without the extended master secret two resumed sessions can be made to have the same one (RFC 7627 1), and whether
    there is one Python cannot say: so there is nothing for a resumed session.
    """
    if sock.version() not in _HAVE_TLS_UNIQUE or sock.session_reused:
        return None
    return sock.get_channel_binding("tls-unique")


@lru_cache(maxsize=CERTIFICATES)
def _tls_server_end_point(certificate_der: bytes) -> bytes | None:
    """A hash of the certificate, by its signature's algorithm (RFC 5929 4.1). None if that has no hash or not one."""
    try:
        algorithm = x509.load_der_x509_certificate(certificate_der).signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return None
    if algorithm is None:
        return None
    hashed = hashes.Hash(hashes.SHA256() if isinstance(algorithm, hashes.MD5 | hashes.SHA1) else algorithm)
    hashed.update(certificate_der)
    return hashed.finalize()
