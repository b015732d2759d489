"""What users look like to a client of SCRAM, so that those who do not exist can look the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from gsubmit.auth.schemes.cost import DEFAULT_LIMITS, Limits, of_iterations
from gsubmit.auth.schemes.scram import ITERATIONS as LEAST_ITERATIONS

ITERATIONS = 4096  # RFC 7677 4, and what Dovecot makes
SALT_OCTETS = 16  # as Dovecot's
MAX_SALT = 1024  # octets of a made-up salt
_CLEARTEXT = ("PLAIN", "CLEAR", "CLEARTEXT")

# The digits of StoredKey and ServerKey before their one sign of padding: they have 20 or 32 octets.
_KEY_DIGITS = {"SCRAM-SHA-1": 27, "SCRAM-SHA-256": 43}
_DIGIT = "[A-Za-z0-9+/]"
_SALT = f"(?=[^,])(?:{_DIGIT}{{4}})*(?:{_DIGIT}{{2}}==|{_DIGIT}{{3}}=)?"
_KEY = f"({_DIGIT}{{27}}(?:{_DIGIT}{{16}})?)="
_STORED = re.compile(rf"(?:\{{([A-Za-z0-9-]+)\}})?(?:([1-9][0-9]{{0,9}}),({_SALT}),{_KEY},{_KEY})?")


class Look(NamedTuple):
    """What the first message of SCRAM shows of a user, and whether the keys are then made of a clear-text password."""

    scheme: str  # of the keys; empty: all, for they are made
    iterations: int
    salt_octets: int

    @property
    def is_made(self) -> bool:
        """Whether keys have to be made, which takes a while."""
        return not self.scheme


MADE = Look("", ITERATIONS, SALT_OCTETS)
Looks = Counter[Look]


def looks_of(stored_passwords: Iterable[str], default_scheme: str, limits: Limits = DEFAULT_LIMITS) -> Looks:
    """How the users with these stored passwords look, and how many of them look so.

    Those whose keys are never used, for they are malformed or above the limits, look like nobody, and do not count.
    """
    found = (_look_of(stored, default_scheme) for stored in stored_passwords)
    looks = Counter(look for look in found if look is not None)
    return Counter({look: number for look, number in looks.items() if look.is_made or _is_used(look, limits)})


def _is_used(look: Look, limits: Limits) -> bool:
    return look.iterations >= LEAST_ITERATIONS.least and not limits.excess(of_iterations(b"%d" % look.iterations))


def _look_of(stored: str, default_scheme: str) -> Look | None:
    """None for a password that SCRAM cannot use. All passwords of a file are looked at, so no more than needed."""
    matched = _STORED.match(stored)
    assert matched is not None
    scheme = (matched[1] or default_scheme).upper()
    if scheme in _CLEARTEXT:
        return MADE
    if {len(matched[4] or ""), len(matched[5] or "")} != {_KEY_DIGITS.get(scheme)} or len(matched[0]) != len(stored):
        return None
    return Look(scheme, int(matched[2]), min(len(matched[3].rstrip("=")) * 3 // 4, MAX_SALT))
