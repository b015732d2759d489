"""Passwords that were right a short while ago, so that a busy client does not cost a bcrypt each time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

ENTRY_OVERHEAD = 400  # octets that one entry takes beside its two names, measured with sys.getsizeof


class VerifiedCache:
    """Successful verifications, in memory only. Neither passwords nor stored passwords can be read back from it."""

    def __init__(self, size: int, ttl: float) -> None:
        """At most about `size` octets (0: keep nothing), each entry for `ttl` seconds."""
        self.size = size
        self.ttl = ttl
        self.used = 0
        self._secret = secrets.token_bytes(32)
        self._entries: dict[tuple[str, str], tuple[float, bytes]] = {}  # oldest first

    def holds(self, passdb: str, user: str, stored: str, password: str) -> bool:
        """Whether this password was right for this user, and the stored one is still the same."""
        entry = self._entries.get((passdb, user))
        if entry is None:
            return False
        expires, proof = entry
        if time.monotonic() >= expires:
            self._drop(passdb, user)
            return False
        return hmac.compare_digest(proof, self._proof(stored, password))

    def add(self, passdb: str, user: str, stored: str, password: str) -> None:
        """Remember a verification that succeeded."""
        cost = _cost(passdb, user)
        if cost > self.size:
            return
        self._drop(passdb, user)
        self._entries[passdb, user] = (time.monotonic() + self.ttl, self._proof(stored, password))
        self.used += cost
        while self.used > self.size:
            self._drop(*next(iter(self._entries)))

    def _drop(self, passdb: str, user: str) -> None:
        if self._entries.pop((passdb, user), None) is not None:
            self.used -= _cost(passdb, user)

    def _proof(self, stored: str, password: str) -> bytes:
        # A password with NUL never verifies, so the two cannot be divided in another way.
        text = f"{password}\0{stored}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=32, key=self._secret).digest()


def _cost(passdb: str, user: str) -> int:
    return ENTRY_OVERHEAD + len(passdb) + len(user)
