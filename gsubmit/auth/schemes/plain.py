"""Passwords stored as they are."""

from __future__ import annotations

import hmac
import re

from gsubmit.auth.schemes.scheme import Scheme, SchemeError, recomputed

_TRUNCATED = re.compile(rb"([0-9]*)-(.+)", re.DOTALL)


def _as_it_is(password: bytes, rounds: int, user: str) -> bytes:
    return password


def _begins(content: bytes, password: bytes, user: str) -> bool:
    """`length-password`: a password of that length may have been cut off there, so only the beginning counts."""
    matched = _TRUNCATED.fullmatch(content)
    if matched is None:  # without a password, Dovecot would take any
        raise SchemeError("PLAIN-TRUNC without length or password")
    known = matched[2]
    if matched[1] == str(len(known)).encode():
        password = password[: len(known)]
    return hmac.compare_digest(known, password)


def _with_length(password: bytes, rounds: int, user: str) -> bytes:
    return f"{len(password)}-".encode() + password


CLEARTEXT = recomputed(_as_it_is)
PLAIN_TRUNC = Scheme(_begins, _with_length, is_cheap=True)
