"""Digests of the password, alone or with a salt. All are fast, which is good for those who guess."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable

from passlib.hash import hex_md4

from gsubmit.auth.schemes.scheme import Scheme, SchemeError, never, recomputed

SALT_OCTETS = 16

Algorithm = Callable[[bytes], bytes]


def md4(octets: bytes) -> bytes:
    """RFC 1320. OpenSSL 3 has put it aside, so passlib's own."""
    return bytes.fromhex(hex_md4.hash(octets))


def _by(name: str) -> Algorithm:
    """The hash that OpenSSL knows by this name."""
    return lambda octets: hashlib.new(name, octets, usedforsecurity=False).digest()


md5 = _by("md5")  # RFC 1321
sha1 = _by("sha1")  # RFC 3174
sha256, sha512 = _by("sha256"), _by("sha512")  # RFC 6234


def unsalted(algorithm: Algorithm, *, encoding: str = "B64", is_weak: Callable[[bytes], bool] = never) -> Scheme:
    """The digest of the password."""

    def make(password: bytes, rounds: int, user: str) -> bytes:
        return algorithm(password)

    return recomputed(make, encoding=encoding, size=len(algorithm(b"")), is_weak=is_weak)


def salted(algorithm: Algorithm, *, is_weak: Callable[[bytes], bool] = never) -> Scheme:
    """The digest of the password and of the salt, which follows it. The salt may have any length."""
    size = len(algorithm(b""))

    def matches(content: bytes, password: bytes, user: str) -> bool:
        digest, salt = content[:size], content[size:]
        if len(digest) < size:
            raise SchemeError("digest of the wrong length")
        return hmac.compare_digest(algorithm(password + salt), digest)

    def make(password: bytes, rounds: int, user: str) -> bytes:
        salt = secrets.token_bytes(SALT_OCTETS)
        return algorithm(password + salt) + salt

    return Scheme(matches, make, encoding="B64", is_cheap=True, is_weak=is_weak)
