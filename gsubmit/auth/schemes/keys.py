"""The keys with which mechanisms check a proof of the password, where the password is not sent."""

from __future__ import annotations

from gsubmit.auth.schemes import cram, scram
from gsubmit.auth.schemes.plain import CLEARTEXT
from gsubmit.auth.schemes.stored import StoredPassword
from gsubmit.sasl.claims import CramKeys, ScramKeys
from gsubmit.sasl.md5state import states_of
from gsubmit.sasl.saslprep import prepared
from gsubmit.sasl.scram import ALGORITHMS


def scram_keys(stored: StoredPassword, scheme: str, salt: bytes, iterations: int) -> ScramKeys | None:
    """The keys for SCRAM-SHA-1 or SCRAM-SHA-256: the stored ones, or made of the password if that is stored.

    Salt and iterations are for the latter. None if there is no way, or SchemeError for malformed keys.
    """
    algorithm = ALGORITHMS[scheme]
    if stored.name == scheme:
        return scram.keys_in(algorithm, stored.content)
    if stored.cleartext is None:
        return None
    try:
        password = prepared(stored.cleartext)
    except ValueError:
        return None
    return scram.keys_of(algorithm, password, salt, iterations)


def cram_keys(stored: StoredPassword) -> CramKeys | None:
    """The keys for CRAM-MD5: the stored ones, or made of the password if that is stored.

    None if there is no way, or SchemeError for malformed keys.
    """
    if stored.name in ("CRAM-MD5", "HMAC-MD5"):
        return cram.keys_in(stored.content)
    if stored.scheme is not CLEARTEXT or not stored.content:  # an empty one would let everybody in
        return None
    return states_of(stored.content)
