"""The keys of users, with which SCRAM and CRAM-MD5 check a proof of the password. Those of nobody: see decoy."""

from __future__ import annotations

from functools import partial

from gsubmit.auth import hashing
from gsubmit.auth.looks import ITERATIONS
from gsubmit.auth.means import Means
from gsubmit.auth.schemes.keys import cram_keys, scram_keys
from gsubmit.auth.schemes.stored import StoredPassword, parse
from gsubmit.sasl.claims import Denied, Keys, KeysWanted, LateKeys
from gsubmit.sasl.scram import ALGORITHMS


def wanted(stored: str, default_scheme: str, claim: KeysWanted, means: Means, *, nodelay: bool = False) -> LateKeys:
    """The keys that a stored password gives. Raises SchemeError, or Denied where there are none, for `nodelay` see it.

    An empty one gives none.
    """
    keys = None
    if stored:
        parsed = parse(stored, default_scheme)
        means.rules.check(parsed)
        keys = keys_of(parsed, claim.scheme, means.decoys.salt(claim))
    if keys is None:
        raise Denied(f"no password that {claim.scheme} could use", nodelay=nodelay)
    return keys


def keys_of(stored: StoredPassword, scheme: str, salt: bytes) -> LateKeys | None:
    """The keys that a stored password gives; None if it gives none. Raises SchemeError if it is malformed.

    The salt is for keys that are made of a password which is stored as it is.
    """
    if scheme not in ALGORITHMS:
        cram = cram_keys(stored)
        return None if cram is None else LateKeys(lambda: cram)
    if stored.cleartext is None:
        scram = scram_keys(stored, scheme, b"", ITERATIONS)
        return None if scram is None else LateKeys(lambda: scram, scram.salt, scram.iterations)
    if not stored.cleartext:  # an empty one would let everybody in
        return None
    return LateKeys(partial(_made, stored, scheme, salt), salt, ITERATIONS)


def _made(stored: StoredPassword, scheme: str, salt: bytes) -> Keys:
    keys: Keys | None = hashing.run(scram_keys, stored, scheme, salt, ITERATIONS)
    if keys is None:
        raise Denied(f"the stored password has characters that {scheme} forbids")
    return keys
