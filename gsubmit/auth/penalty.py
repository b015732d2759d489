"""How long a network has to wait before its next login, after logins that failed (Dovecot's auth penalty)."""

from __future__ import annotations

import hashlib
import itertools
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

WAITS = (0.0, 4.0, 8.0, 15.0, 15.0)  # seconds, by level
FADES = (0.0, 4.0, 8.0, 15.0, 15.0)  # seconds without a new failure after which a level becomes the one below it
FORGOTTEN = 29.0  # seconds without a new failure after which there is no level left
IPV6_PREFIX = 48  # what one customer has
KEPT_PROOFS = 10  # wrong passwords of an address that are remembered
MAX_ADDRESSES = 20_000
MAX_KNOWN = 100_000  # users, each from one network, whose last login there succeeded


@dataclass(frozen=True, slots=True)
class Penalised:
    """A network whose logins have to wait. `user`: whose logins failed, empty for those of several."""

    network: str
    level: int
    seconds_left: float
    user: str


@dataclass
class _Record:
    level: int = 0
    since: float = 0.0
    user: str = ""  # whose logins failed; empty: those of several
    proofs: deque[bytes] = field(default_factory=lambda: deque(maxlen=KEPT_PROOFS))


class Penalty:
    """The levels of all addresses that failed recently; what has faded is forgotten."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(16)
        self._records: dict[str, _Record] = {}  # the one that failed longest ago first
        self._known: dict[tuple[str, str], None] = {}  # network and user; the one that logged in longest ago first

    @property
    def networks(self) -> int:
        """How many networks have failures that are remembered."""
        return len(self._records)

    def level(self, address: str, user: str = "") -> int:
        """How high the level of this address is; a login has to wait WAITS[level] before it is looked at.

        It is 0 for a user whose last login from there succeeded: who shares an address with a guesser is not kept out.
        """
        record = self._records.get(network_of(address))
        return self._faded(record) if record is not None and not self.knows(address, user) else 0

    def knows(self, address: str, user: str) -> bool:
        """Whether this user's last login from there succeeded."""
        return (network_of(address), user) in self._known

    def failed(self, address: str, level: int, user: str, password: str = "") -> None:
        """A login failed that began at `level`.

        The same wrong password again is no guess: some client was never told the new one.
        """
        network = network_of(address)
        record = self._records.get(network) or _Record()
        proof = self._proof(user, password)
        if password and proof in record.proofs:
            return
        record.proofs.append(proof)
        self._known.pop((network, user), None)
        level = max(level, self._faded(record))
        record.user = user if not level or record.user == user else ""
        record.level = min(level + 1, len(WAITS) - 1)
        record.since = time.monotonic()
        self._records.pop(network, None)
        self._records[network] = record
        self._forget()

    def succeeded(self, address: str, user: str) -> None:
        """A login succeeded. It is an end to the failures of this user; those of others it does not forgive."""
        if not user:  # a token has said who it is, which is not guessed
            return
        network = network_of(address)
        record = self._records.get(network)
        if record is not None and record.user == user:
            del self._records[network]
        self._known.pop((network, user), None)
        self._known[network, user] = None
        if len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]

    def penalties(self) -> list[Penalised]:
        """The networks that have a level now."""
        found = []
        for network, record in self._records.items():
            if level := self._faded(record):
                lasts = min(sum(FADES[: record.level + 1]), FORGOTTEN)
                left = lasts - (time.monotonic() - record.since)
                found.append(Penalised(network, level, left, record.user))
        return found

    def clear_penalty(self, address: str) -> None:
        """Forget the failures of an address's network, or with an empty one all failures."""
        if address:
            self._records.pop(network_of(address), None)
        else:
            self._records.clear()

    def _faded(self, record: _Record) -> int:
        """The level now."""
        level, left = record.level, time.monotonic() - record.since
        if left >= FORGOTTEN:
            return 0
        while level and left >= FADES[level]:
            left -= FADES[level]
            level -= 1
        return level

    def _forget(self) -> None:
        """Drop what is over, oldest first; a few at a time, since each failure adds one at most."""
        for network, record in list(itertools.islice(self._records.items(), 2)):
            if time.monotonic() - record.since >= FORGOTTEN or len(self._records) > MAX_ADDRESSES:
                del self._records[network]

    def _proof(self, user: str, password: str) -> bytes:
        text = f"{len(user)}:{user}{password}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=16, key=self._secret).digest()


@lru_cache(maxsize=1024)
def network_of(address: str) -> str:
    """The address, or for IPv6 the network that it is in: one customer has them all."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ip_network((ip, IPV6_PREFIX), strict=False))
    return address
