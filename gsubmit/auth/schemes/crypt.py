"""The hashes of crypt(3), see crypt(5), and argon2, which is written like them. What libcrypt cannot, passlib may."""

from __future__ import annotations

import hmac
import re
import sys
import warnings
from functools import partial
from typing import Any

from passlib.exc import PasslibHashWarning
from passlib.hash import argon2, bcrypt, des_crypt, md5_crypt, sha256_crypt, sha512_crypt

from gsubmit.auth import libcrypt
from gsubmit.auth.schemes.cost import of_crypt
from gsubmit.auth.schemes.digest import md5
from gsubmit.auth.schemes.scheme import Incomparable, Rounds, Scheme, SchemeError, always, decoded

BCRYPT_PASSWORD = 72  # octets that bcrypt looks at; crypt(3) ignores the rest, the bcrypt package refuses more
BCRYPT_SETTING = 29  # characters of a bcrypt hash before the digest
DES_PASSWORD = 8  # octets that DES looks at
BCRYPT_COST = Rounds(default=10, least=4, most=31)  # each one more doubles the time; Dovecot's default is 5
SHA_ROUNDS = Rounds(default=5000, least=1000, most=999_999_999)
MAX_PYTHON_ROUNDS = 10_000  # passlib takes 60 ms for so many, with all that time the interpreter's lock

_ROUNDS = re.compile(r"\$[56]\$(?:rounds=([0-9]{1,9})\$)?")

# About stray bits in hashes of old tools: they still compare, and stderr is not the place.
warnings.filterwarnings("ignore", category=PasslibHashWarning)


def _by_passlib(content: str, password: bytes) -> bool:
    """Whether they match, or SchemeError for what passlib does not know."""
    if content.startswith("$2x$"):
        content = "$2y$" + content.removeprefix("$2x$")  # the same for ASCII
    known = {"$1$": md5_crypt, "$2": bcrypt, "$5$": sha256_crypt, "$6$": sha512_crypt, "$argon2": argon2}
    handler = next((known[kind] for kind in known if content.startswith(kind)), des_crypt)
    if handler is bcrypt:
        password = password[:BCRYPT_PASSWORD]
    try:
        return bool(handler.verify(password, content))
    except (ValueError, TypeError):
        # The cause may hold the hash.
        raise SchemeError("malformed hash, or of an unknown kind") from None


def _is_for_passlib(content: str) -> bool:
    """Whether passlib can compare it with a password that is too long for libcrypt, without holding all up for long."""
    rounds = _ROUNDS.match(content)
    if rounds is not None:  # of pure Python
        return int(rounds[1] or 0) <= MAX_PYTHON_ROUNDS
    return content.startswith(("$1$", "$2", "$argon2")) or not content.startswith("$")


def _matches(kinds: tuple[str, ...], content: bytes, password: bytes, user: str) -> bool:
    """Whether they match, for hashes that begin in one of these ways."""
    text = content.decode("utf-8", "replace")
    if text.startswith(("!", "*")) or not text:  # a locked account, shadow(5)
        return False
    if not text.startswith(kinds):
        raise SchemeError("hash is of another kind than its scheme")
    if text.startswith("$2x$") and not password.isascii():
        # The hashes of an old crypt_blowfish that got octets over 127 wrong: other passwords may match too.
        raise Incomparable("bcrypt of kind 2x with a password that is not ASCII")
    if len(password) > libcrypt.MAX_PASSWORD and not _is_for_passlib(text):
        raise Incomparable(f"password of more than {libcrypt.MAX_PASSWORD} octets")
    computed = libcrypt.crypt(password, content)
    if computed is None:
        return _by_passlib(text, password)
    if len(computed) != len(content):
        raise SchemeError("malformed hash")
    if text.startswith("$2"):  # the salt may end with stray bits, which crypt(3) clears
        computed, content = computed[BCRYPT_SETTING:], content[BCRYPT_SETTING:]
    return hmac.compare_digest(computed, content)


def _is_weak(content: bytes) -> bool:
    """DES of any kind, MD5 and the MD4 of Windows; nobody gets past a locked account."""
    return content.startswith((b"$1$", b"$3$", b"$md5")) or not content.startswith((b"$", b"!", b"*"))


def _md5_matches(content: bytes, password: bytes, user: str) -> bool:
    """MD5-CRYPT, or else a plain digest, as old installations have both under one name."""
    if content.startswith(b"$1$"):
        return _matches(("$1$",), content, password, user)
    digest = decoded(content.decode("utf-8", "replace"), "", len(md5(b"")))
    return hmac.compare_digest(md5(password), digest)


def _made(handler: Any, most: int, password: bytes, rounds: int, user: str, **options: object) -> bytes:
    """The hash by one of passlib's, or ValueError: cut off, as crypt(3) may do with it, a password is another one."""
    if len(password) > most:
        raise ValueError(f"this scheme takes passwords of {most} octets at most")
    if rounds:
        options["rounds"] = rounds
    return bytes(handler.using(**options).hash(password), "ascii")


def _argon2(kind: str, rounds: Rounds, memory: int) -> Scheme:
    handler = argon2.using(type=kind, memory_cost=memory, parallelism=1, digest_size=32)
    return Scheme(partial(_matches, ("$argon2",)), partial(_made, handler, sys.maxsize), rounds, cost=of_crypt)


# In Dovecot too, all of these compare any hash of crypt(3), whatever their name, but for BLF-CRYPT and MD5-CRYPT.
_any = partial(_matches, ("",))
_md5_made = partial(_made, md5_crypt, libcrypt.MAX_PASSWORD)
_des_made = partial(_made, des_crypt, DES_PASSWORD)
_bcrypt_made = partial(_made, bcrypt, BCRYPT_PASSWORD, ident="2y")
_sha256_made = partial(_made, sha256_crypt, libcrypt.MAX_PASSWORD)
_sha512_made = partial(_made, sha512_crypt, libcrypt.MAX_PASSWORD)
CRYPT = Scheme(_any, _bcrypt_made, BCRYPT_COST, cost=of_crypt, is_weak=_is_weak)
DES_CRYPT = Scheme(_any, _des_made, cost=of_crypt, is_weak=always)
SHA256_CRYPT = Scheme(_any, _sha256_made, SHA_ROUNDS, cost=of_crypt, is_weak=_is_weak)
SHA512_CRYPT = Scheme(_any, _sha512_made, SHA_ROUNDS, cost=of_crypt, is_weak=_is_weak)
BLF_CRYPT = Scheme(partial(_matches, ("$2",)), _bcrypt_made, BCRYPT_COST, cost=of_crypt)
MD5_CRYPT = Scheme(partial(_matches, ("$1$",)), _md5_made, is_weak=always)
MD5 = Scheme(_md5_matches, _md5_made, is_weak=always)
# Memory and rounds are those of libsodium's "interactive" use, which Dovecot's defaults are.
ARGON2I = _argon2("I", Rounds(default=4, least=3, most=100), memory=32 * 1024)
ARGON2ID = _argon2("ID", Rounds(default=3, least=1, most=100), memory=64 * 1024)
