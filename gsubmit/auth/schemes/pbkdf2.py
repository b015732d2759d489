"""Dovecot's form of PBKDF2 (RFC 8018 5.2) with HMAC-SHA-1: `$1$salt$rounds$hexadecimal`, the salt being text."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string

from gsubmit.auth.schemes.cost import Cost, of_iterations
from gsubmit.auth.schemes.scheme import Rounds, Scheme, SchemeError

SALT_CHARACTERS = string.ascii_letters + string.digits + "./"
SALT_LENGTH = 16
ROUNDS = Rounds(default=5000, least=1, most=100_000_000)

_CONTENT = re.compile(rb"\$1\$([^$]*)\$0*([1-9][0-9]{0,8})\$([0-9A-Fa-f]{40})")


def _matches(content: bytes, password: bytes, user: str) -> bool:
    matched = _CONTENT.fullmatch(content)
    if matched is None:
        raise SchemeError("PBKDF2 in another form than $1$salt$rounds$digest")
    computed = hashlib.pbkdf2_hmac("sha1", password, matched[1], int(matched[2]))
    return hmac.compare_digest(computed, bytes.fromhex(matched[3].decode("ascii")))


def _cost(content: bytes) -> Cost:
    matched = _CONTENT.fullmatch(content)
    return of_iterations(matched[2]) if matched else Cost()


def _made(password: bytes, rounds: int, user: str) -> bytes:
    salt = "".join(secrets.choice(SALT_CHARACTERS) for _ in range(SALT_LENGTH))
    return f"$1${salt}${rounds}${hashlib.pbkdf2_hmac('sha1', password, salt.encode(), rounds).hex()}".encode()


PBKDF2 = Scheme(_matches, _made, ROUNDS, cost=_cost)
