"""SCRAM's form of a password (RFC 5802 3): `iterations,salt,StoredKey,ServerKey`, all but the first in base64."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b64encode
from contextlib import suppress

from gsubmit.auth.schemes.cost import Cost, of_iterations
from gsubmit.auth.schemes.scheme import Rounds, Scheme, SchemeError
from gsubmit.sasl import base64
from gsubmit.sasl.claims import ScramKeys
from gsubmit.sasl.saslprep import prepared
from gsubmit.sasl.scram import MAX_ITERATIONS, MIN_ITERATIONS

# What clients take.
ITERATIONS = Rounds(default=MIN_ITERATIONS, least=MIN_ITERATIONS, most=MAX_ITERATIONS)
SALT_OCTETS = 16

_BASE64 = rb"([A-Za-z0-9+/]+=?=?)"
_CONTENT = re.compile(rb"([1-9][0-9]{0,9})," + _BASE64 + b"," + _BASE64 + b"," + _BASE64)


def keys_of(algorithm: str, password: bytes, salt: bytes, iterations: int) -> ScramKeys:
    """The keys of a password that is SASLprepped already. `algorithm` is hashlib's name."""
    salted_password = hashlib.pbkdf2_hmac(algorithm, password, salt, iterations)
    client_key = hmac.digest(salted_password, b"Client Key", algorithm)
    server_key = hmac.digest(salted_password, b"Server Key", algorithm)
    return ScramKeys(salt, iterations, stored_key=hashlib.new(algorithm, client_key).digest(), server_key=server_key)


def keys_in(algorithm: str, content: bytes) -> ScramKeys:
    """The keys that a content holds, or SchemeError."""
    matched = _CONTENT.fullmatch(content)
    if matched is None:
        raise SchemeError("SCRAM keys in another form than iterations,salt,key,key")
    try:
        salt, stored_key, server_key = map(base64.decode, matched.groups()[1:])
    except ValueError:
        raise SchemeError("malformed base64 in SCRAM keys") from None
    iterations = int(matched[1])
    if iterations < ITERATIONS.least:
        raise SchemeError(f"fewer than {ITERATIONS.least} iterations in SCRAM keys")
    if {len(stored_key), len(server_key)} != {hashlib.new(algorithm).digest_size}:
        raise SchemeError("SCRAM keys of the wrong length")
    return ScramKeys(salt, iterations, stored_key, server_key)


def _cost(content: bytes) -> Cost:
    matched = _CONTENT.fullmatch(content)
    return of_iterations(matched[1]) if matched else Cost()


def scram(algorithm: str) -> Scheme:
    """SCRAM with this hash, by hashlib's name."""

    def matches(content: bytes, password: bytes, user: str) -> bool:
        keys = keys_in(algorithm, content)
        # Dovecot makes keys without SASLprep; few passwords are changed by it.
        candidates = {password}
        with suppress(ValueError):
            candidates.add(prepared(password.decode("utf-8", "surrogateescape")))
        found = [keys_of(algorithm, candidate, keys.salt, keys.iterations).stored_key for candidate in candidates]
        return any(hmac.compare_digest(key, keys.stored_key) for key in found)

    def make(password: bytes, rounds: int, user: str) -> bytes:
        try:
            octets = prepared(password.decode("utf-8"))
        except ValueError as fault:
            raise ValueError(f"the password {fault}") from None
        keys = keys_of(algorithm, octets, secrets.token_bytes(SALT_OCTETS), rounds)
        return b",".join([str(rounds).encode(), *map(b64encode, (keys.salt, keys.stored_key, keys.server_key))])

    return Scheme(matches, make, ITERATIONS, cost=_cost)
