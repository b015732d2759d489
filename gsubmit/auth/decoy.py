"""Keys of nobody: what SCRAM and CRAM-MD5 are shown for users that do not exist (SCR-11 of the standards list)."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from gsubmit.auth import hashing, schemes
from gsubmit.auth.schemes import SchemeError, StoredPassword
from gsubmit.sasl.claims import CramKeys, Keys, KeysWanted, ScramKeys

ITERATIONS = 4096  # RFC 7677 4, and what Dovecot makes
SALT_OCTETS = 16  # as Dovecot's
_DIGESTS = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}

# For the life of the process, also over a reload: who asks twice sees the same salt.
_SECRET = secrets.token_bytes(32)


def salt(claim: KeysWanted, octets: int = SALT_OCTETS) -> bytes:
    """The salt for this user, where none is stored; always the same."""
    return _octets("salt", claim, octets)


def keys(claim: KeysWanted, sample: str = "", default_scheme: str = "PLAIN") -> Keys:
    """Keys that no password fits, made like those of `sample`, a stored password of somebody, and as slowly."""
    digest = _DIGESTS.get(claim.scheme)
    if digest is None:
        return CramKeys(_octets("outer", claim, 16), _octets("inner", claim, 16))
    size = hashlib.new(digest).digest_size
    like = _like(claim, sample, default_scheme)
    return ScramKeys(
        salt=salt(claim, len(like.salt) if like else SALT_OCTETS),
        iterations=like.iterations if like else ITERATIONS,
        stored_key=_octets("stored", claim, size),
        server_key=_octets("server", claim, size),
    )


def _like(claim: KeysWanted, sample: str, default_scheme: str) -> ScramKeys | None:
    if not sample:
        return None
    try:
        found = keys_of(claim, schemes.parse(sample, default_scheme))
    except SchemeError:
        return None
    return found if isinstance(found, ScramKeys) else None


def keys_of(claim: KeysWanted, stored: StoredPassword) -> Keys | None:
    """The keys that a stored password gives, computed in a thread where that takes long; None if it gives none."""
    if claim.scheme not in _DIGESTS:
        return schemes.cram_keys(stored)
    if stored.cleartext is None:
        return schemes.scram_keys(stored, claim.scheme, b"", ITERATIONS)
    found: Keys | None = hashing.run(schemes.scram_keys, stored, claim.scheme, salt(claim), ITERATIONS)
    return found


def _octets(purpose: str, claim: KeysWanted, octets: int) -> bytes:
    text = "\0".join((purpose, claim.scheme, claim.authentication_id)).encode("utf-8", "surrogatepass")
    return hmac.digest(_SECRET, text, "sha512")[:octets]
