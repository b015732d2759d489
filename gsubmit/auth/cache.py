"""Passwords that were checked a short while ago: a busy client is to cost neither a bcrypt nor a lookup each time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import NamedTuple

ENTRY_OVERHEAD = 600  # octets that one entry takes beside its texts, measured with sys.getsizeof


class Finding(NamedTuple):
    """What came of a password: the extra fields of the entry, or None when it was wrong."""

    fields: Mapping[str, str] | None


class _Entry(NamedTuple):
    expires: float
    proof: bytes
    finding: Finding
    cost: int


class VerifiedCache:
    """Findings, in memory only. Neither passwords nor stored passwords can be read back from it.

    A user has one right and one wrong password here at most, so that guesses do not drive out the right one.
    """

    def __init__(self, size: int, ttl: float, negative_ttl: float = 0.0) -> None:
        """At most about `size` octets (0: none), right passwords for `ttl` seconds, wrong ones for `negative_ttl`."""
        self.size = size
        self.ttl = ttl
        self.negative_ttl = negative_ttl
        self.used = 0
        self._secret = secrets.token_bytes(32)
        self._entries: dict[tuple[str, str, bool], _Entry] = {}  # oldest first; True: right

    def recall(self, passdb: str, user: str, password: str, basis: str = "") -> Finding | None:
        """The finding on this password, if it was given on the same `basis`, such as the stored password.

        Without a basis nobody can tell whether the password was changed since: one that was wrong while another one
        is remembered as right is looked up again, as Dovecot does.
        """
        for is_right in (True, False):
            key = (passdb, user, is_right)
            entry = self._entries.get(key)
            if entry is None:
                continue
            if time.monotonic() >= entry.expires:
                self._drop(key)
            elif hmac.compare_digest(entry.proof, self._proof(basis, password)):
                return entry.finding
            elif not basis:
                break
        return None

    def remember(self, passdb: str, user: str, password: str, finding: Finding, basis: str = "") -> None:
        """Keep a finding. Failures of our own are none."""
        is_right = finding.fields is not None
        ttl = self.ttl if is_right else self.negative_ttl
        texts = [passdb, user, *(finding.fields or {}), *(finding.fields or {}).values()]
        cost = ENTRY_OVERHEAD + sum(map(len, texts))
        if not ttl or cost > self.size:
            return
        key = (passdb, user, is_right)
        self._drop(key)
        self._entries[key] = _Entry(time.monotonic() + ttl, self._proof(basis, password), finding, cost)
        self.used += cost
        while self.used > self.size:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: tuple[str, str, bool]) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.used -= entry.cost

    def _proof(self, basis: str, password: str) -> bytes:
        text = f"{len(basis)}:{basis}{password}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=32, key=self._secret).digest()
