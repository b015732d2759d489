"""TLS records without application data, made in advance: KeyUpdate of TLS 1.3 and ClientHello within TLS 1.2."""

from __future__ import annotations

import _ssl
import ctypes
import hmac
import os
import socket
import ssl
import struct
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HANDSHAKE = 22  # record type, RFC 5246 6.2.1
TLS12 = 0x0303
CIPHERS = b"\xc0\x2b\xc0\x2f"  # those that we have, RFC 5289 3.2
KEY, SALT = 16, 4  # octets, RFC 5288 3


class Connection:
    """A TLS client whose octets are carried by hand, so that records of our own can follow the handshake."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = socket.create_connection(("127.0.0.1", port), 60)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing)
        self.heard = b""
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.sock.sendall(self.outgoing.read())
                octets = self.sock.recv(65536)
                self.heard += octets
                self.incoming.write(octets)
        self.sock.sendall(self.outgoing.read())


def key_updates(port: int, count: int) -> tuple[socket.socket, bytes]:
    """A connection by TLS 1.3, and so many records that say that the key has changed (RFC 8446 4.6.3)."""
    connection = Connection(port, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    library = ctypes.PyDLL(_ssl.__file__)
    # Behind the head of the object: its socket, and the SSL (CPython's PySSLSocket).
    address = (ctypes.c_void_p * 3).from_address(id(connection.tls._sslobj) + object.__basicsize__)[1]  # type: ignore[attr-defined]
    library.SSL_key_update.argtypes = (ctypes.c_void_p, ctypes.c_int)
    library.SSL_do_handshake.argtypes = (ctypes.c_void_p,)
    records = []
    for number in range(count):
        library.SSL_key_update(address, 0)
        library.SSL_do_handshake(address)
        if number % 1000 == 0:
            records.append(connection.outgoing.read())
    records.append(connection.outgoing.read())
    return connection.sock, b"".join(records)


def client_hellos(port: int, count: int) -> tuple[socket.socket, bytes]:
    """A connection by TLS 1.2, and so many records that ask for a new handshake, encrypted by its keys."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256")
    with TemporaryDirectory() as folder:
        log = Path(folder) / "keys"
        context.keylog_filename = str(log)
        connection = Connection(port, context)
        client_random, secret = (bytes.fromhex(word) for word in log.read_text().split("CLIENT_RANDOM ")[1].split()[:2])
    server_random = connection.heard[11:43]  # record and handshake headers, version, then this
    keys = _expanded(secret, b"key expansion" + server_random + client_random, 2 * (KEY + SALT))
    cipher, salt = AESGCM(keys[:KEY]), keys[2 * KEY : 2 * KEY + SALT]
    hello = struct.pack(">H32sBH4sBB", TLS12, os.urandom(32), 0, len(CIPHERS), CIPHERS, 1, 0)
    message = b"\x01" + len(hello).to_bytes(3, "big") + hello
    records = []
    for number in range(1, count + 1):  # 0 was Finished
        nonce = number.to_bytes(8, "big")
        bound = nonce + struct.pack(">BHH", HANDSHAKE, TLS12, len(message))
        octets = nonce + cipher.encrypt(salt + nonce, message, bound)
        records.append(struct.pack(">BHH", HANDSHAKE, TLS12, len(octets)) + octets)
    return connection.sock, b"".join(records)


def _expanded(secret: bytes, seed: bytes, length: int) -> bytes:
    """RFC 5246 5."""
    block, octets = seed, b""
    while len(octets) < length:
        block = hmac.digest(secret, block, "sha256")
        octets += hmac.digest(secret, block + seed, "sha256")
    return octets[:length]
