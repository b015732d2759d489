"""What CRAM-MD5 and DIGEST-MD5 need to know of a password."""

from __future__ import annotations

import hmac

from gsubmit.auth.schemes.digest import md5
from gsubmit.auth.schemes.scheme import Scheme, SchemeError, always
from gsubmit.sasl.claims import CramKeys
from gsubmit.sasl.md5state import STATE, states_of


def keys_in(content: bytes) -> CramKeys:
    """The keys that a content of CRAM-MD5 is, or SchemeError."""
    if len(content) != 2 * STATE:
        raise SchemeError("states of the wrong length")
    return CramKeys(outer=content[:STATE], inner=content[STATE:])


def _states(password: bytes, rounds: int, user: str) -> bytes:
    keys = states_of(password)
    return keys.outer + keys.inner


def _same_states(content: bytes, password: bytes, user: str) -> bool:
    keys_in(content)
    return hmac.compare_digest(content, _states(password, 0, user))


def _secret(password: bytes, rounds: int, user: str) -> bytes:
    """RFC 2831 2.1.2.1: the secret of A1. Dovecot takes what follows the last @ for the realm."""
    if not user:
        raise ValueError("DIGEST-MD5 needs the name of the user")
    name, _, realm = user.rpartition("@") if "@" in user else (user, "", "")
    return md5(f"{name}:{realm}:".encode() + password)


def _same_secret(content: bytes, password: bytes, user: str) -> bool:
    if len(content) != STATE:
        raise SchemeError("digest of the wrong length")
    if not user:
        raise SchemeError("DIGEST-MD5 needs the name of the user")
    return hmac.compare_digest(content, _secret(password, 0, user))


# Dovecot calls the one name weak and not the other, for a mechanism has the other.
CRAM_MD5 = Scheme(_same_states, _states, encoding="HEX", size=2 * STATE, is_cheap=True)
HMAC_MD5 = Scheme(_same_states, _states, encoding="HEX", size=2 * STATE, is_cheap=True, is_weak=always)
DIGEST_MD5 = Scheme(_same_secret, _secret, encoding="HEX", size=STATE, is_cheap=True)
