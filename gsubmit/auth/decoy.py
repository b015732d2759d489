"""What SCRAM and CRAM-MD5 are shown for users that have no keys, or do not exist (SCR-11 of docs/rules.md)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextlib import suppress
from functools import partial

from gsubmit.auth import hashing
from gsubmit.auth.looks import MADE, SALT_OCTETS, Look, Looks
from gsubmit.auth.schemes.scheme import SchemeError
from gsubmit.auth.schemes.scram import keys_of
from gsubmit.sasl.claims import CramKeys, Keys, KeysWanted, LateKeys, ScramKeys
from gsubmit.sasl.scram import ALGORITHMS

# Where there is no better one, for the life of the process, also over a reload.
_SECRET = secrets.token_bytes(32)


class Decoys:
    """Makes keys of nobody, and the salts of users whose password is stored as it is: the same ones for a secret."""

    def __init__(self, secret: bytes = _SECRET) -> None:
        self._secret = secret

    def salt(self, claim: KeysWanted, octets: int = SALT_OCTETS) -> bytes:
        """The salt for this user, where none is stored; always the same."""
        return hashlib.shake_256(self._octets("salt", claim)).digest(octets)

    def keys(self, claim: KeysWanted, looks: Looks) -> LateKeys:
        """Keys that no password fits. They look like those of somebody, and are made as slowly.

        Which look a name gets is drawn by lot, once and for all, so that each is as frequent as among the users: a
        user with an uncommon iteration count does not stand out.
        """
        algorithm = ALGORITHMS.get(claim.scheme)
        if algorithm is None:
            return LateKeys(lambda: CramKeys(self._octets("outer", claim)[:16], self._octets("inner", claim)[:16]))
        look = self._drawn(claim, looks)
        salt = self.salt(claim, look.salt_octets)
        size = hashlib.new(algorithm).digest_size
        stored_key, server_key = (self._octets(purpose, claim)[:size] for purpose in ("stored", "server"))
        keys = ScramKeys(salt, look.iterations, stored_key, server_key)
        return LateKeys(partial(_made_up, algorithm, keys) if look.is_made else lambda: keys, salt, look.iterations)

    def _drawn(self, claim: KeysWanted, looks: Looks) -> Look:
        fitting = sorted(look for look in looks if look.scheme in ("", claim.scheme))
        if not fitting:
            return MADE
        # The part of all that lie below: one more user changes the lots of few names.
        left = int.from_bytes(self._octets("look", claim)[:8]) / 2**64 * sum(looks[look] for look in fitting)
        for look in fitting:
            left -= looks[look]
            if left < 0:
                return look
        return fitting[-1]

    def _octets(self, purpose: str, claim: KeysWanted) -> bytes:
        text = "\0".join((purpose, claim.scheme, claim.authentication_id)).encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, text, "sha512")


def _made_up(algorithm: str, keys: ScramKeys) -> Keys:
    """These keys, after as much work as making them of a password would be."""
    with suppress(SchemeError):
        hashing.run(keys_of, algorithm, b"nobody's", keys.salt, keys.iterations)
    return keys
