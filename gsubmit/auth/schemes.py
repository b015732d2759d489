"""Stored passwords: `{SCHEME}content`, as Dovecot writes them, compared with a password."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

from passlib.exc import PasslibHashWarning
from passlib.hash import argon2, bcrypt, des_crypt, md5_crypt, sha256_crypt, sha512_crypt

BCRYPT_PASSWORD = 72  # octets that bcrypt looks at; crypt(3) ignores the rest, the bcrypt package refuses more

# About stray bits in hashes of old tools: they still compare, and stderr is not the place.
warnings.filterwarnings("ignore", category=PasslibHashWarning)


class SchemeError(Exception):
    """A stored password that we cannot read. The text never holds any part of it."""


@dataclass(frozen=True)
class Scheme:
    """How one kind of stored password is compared."""

    matches: Callable[[bytes, bytes], bool]  # content, password
    cheap: bool = False  # a few microseconds: not worth a thread
    digest_size: int = 0  # octets; 0: the content is text, not encoded unless the scheme says so (`{PLAIN.b64}`)


@dataclass(frozen=True)
class StoredPassword:
    """A stored password, parsed."""

    scheme: Scheme
    content: bytes = field(repr=False)

    def matches(self, password: str) -> bool:
        """Whether this is the password; SchemeError if the content is malformed."""
        if "\0" in password:  # crypt(3) would stop there
            return False
        return self.scheme.matches(self.content, password.encode("utf-8"))


def parse(stored: str, default_scheme: str) -> StoredPassword:
    """Take a stored password apart, or SchemeError."""
    name, text = default_scheme, stored
    if stored.startswith("{") and "}" in stored:
        name, _, text = stored[1:].partition("}")
    elif stored.startswith("$1$"):
        name = "CRYPT"  # Dovecot takes it so, whatever the default is
    name, _, encoding = name.upper().partition(".")
    scheme = SCHEMES.get(name)
    if scheme is None:
        raise SchemeError("unknown password scheme")  # without its name, which may be a password in braces
    return StoredPassword(scheme, _decoded(text, encoding, scheme.digest_size))


def verify(stored: str, default_scheme: str, password: str) -> bool:
    """Whether `stored` is a form of `password`. Takes long for most schemes: see hashing.check."""
    return parse(stored, default_scheme).matches(password)


def is_cheap(stored: str, default_scheme: str) -> bool:
    """Whether `verify` takes microseconds only."""
    return parse(stored, default_scheme).scheme.cheap


def _decoded(text: str, encoding: str, digest_size: int) -> bytes:
    if not encoding and digest_size:
        encoding = "HEX" if len(text) == 2 * digest_size else "B64"
    try:
        if encoding in ("B64", "BASE64"):
            return binascii.a2b_base64(text, strict_mode=True)
        if encoding == "HEX":
            return binascii.unhexlify(text)
    except ValueError:
        raise SchemeError("malformed base64 or hexadecimal") from None
    if encoding:
        raise SchemeError("unknown encoding of a password scheme")
    return text.encode("utf-8")


def _plain(content: bytes, password: bytes) -> bool:
    return hmac.compare_digest(content, password)


def _digest(algorithm: str, *, salted: bool) -> Scheme:
    """A digest of the password, or of the password and the salt that follows the digest."""
    size = hashlib.new(algorithm).digest_size

    def matches(content: bytes, password: bytes) -> bool:
        digest, salt = content[:size], content[size:]
        if len(digest) < size or (salt and not salted):
            raise SchemeError("digest of the wrong length")
        return hmac.compare_digest(hashlib.new(algorithm, password + salt).digest(), digest)

    return Scheme(matches, cheap=True, digest_size=size)


def _bcrypt(content: str, password: bytes) -> bool:
    if content.startswith("$2x$"):
        # The hashes of an old crypt_blowfish that got octets over 127 wrong; passlib does not know them.
        if not password.isascii():
            raise SchemeError("bcrypt of kind 2x with a password that is not ASCII")
        content = "$2y$" + content.removeprefix("$2x$")
    return bool(bcrypt.verify(password[:BCRYPT_PASSWORD], content))


# By the first characters. Whatever stands here also works in {CRYPT}.
CRYPT_KINDS: dict[str, Callable[[str, bytes], bool]] = {
    "$1$": lambda content, password: bool(md5_crypt.verify(password, content)),
    "$2": _bcrypt,
    "$5$": lambda content, password: bool(sha256_crypt.verify(password, content)),
    "$6$": lambda content, password: bool(sha512_crypt.verify(password, content)),
    "$argon2": lambda content, password: bool(argon2.verify(password, content)),
    "": lambda content, password: bool(des_crypt.verify(password, content)),
}


def _crypt(*kinds: str) -> Scheme:
    """The hashes of crypt(3) that start in one of these ways."""

    def matches(content: bytes, password: bytes) -> bool:
        text = content.decode("utf-8", "replace")
        if text.startswith(("!", "*")) or not text:  # a locked account, shadow(5)
            return False
        kind = next((kind for kind in kinds if text.startswith(kind)), None)
        if kind is None:
            raise SchemeError("hash is of another kind than its scheme")
        try:
            return CRYPT_KINDS[kind](text, password)
        except (ValueError, TypeError):
            # The cause may hold the hash.
            raise SchemeError("malformed hash") from None

    return Scheme(matches)


_PLAIN = Scheme(_plain, cheap=True)
_SHA1 = _digest("sha1", salted=False)

SCHEMES: dict[str, Scheme] = {
    "PLAIN": _PLAIN,
    "CLEAR": _PLAIN,
    "CLEARTEXT": _PLAIN,
    "SHA": _SHA1,
    "SHA1": _SHA1,
    "SHA256": _digest("sha256", salted=False),
    "SHA512": _digest("sha512", salted=False),
    "SSHA": _digest("sha1", salted=True),
    "SSHA256": _digest("sha256", salted=True),
    "SSHA512": _digest("sha512", salted=True),
    "CRYPT": _crypt(*CRYPT_KINDS),
    "SHA256-CRYPT": _crypt("$5$"),
    "SHA512-CRYPT": _crypt("$6$"),
    "BLF-CRYPT": _crypt("$2"),
    "ARGON2I": _crypt("$argon2"),
    "ARGON2ID": _crypt("$argon2"),
}
