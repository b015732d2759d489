"""What CRAM-MD5 and DIGEST-MD5 need to know of a password."""

from __future__ import annotations

from gsubmit.auth.schemes.digest import md5
from gsubmit.auth.schemes.scheme import SchemeError, always, recomputed
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


def _secret(password: bytes, rounds: int, user: str) -> bytes:
    """RFC 2831 2.1.2.1: the secret of A1. Dovecot takes what follows the last @ for the realm."""
    if not user:
        raise ValueError("DIGEST-MD5 needs the name of the user")
    name, _, realm = user.rpartition("@") if "@" in user else (user, "", "")
    return md5(f"{name}:{realm}:".encode() + password)


# Dovecot calls the one name weak and not the other, for a mechanism has the other.
CRAM_MD5 = recomputed(_states, encoding="HEX", size=2 * STATE)
HMAC_MD5 = recomputed(_states, encoding="HEX", size=2 * STATE, is_weak=always)
DIGEST_MD5 = recomputed(_secret, encoding="HEX", size=STATE)
