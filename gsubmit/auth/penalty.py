"""How long a network has to wait before its next login, after logins that failed (Dovecot's auth penalty): the rules.

Whoever keeps failures goes by these, wherever they are kept (see auth/state/).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

WAITS = (0.0, 4.0, 8.0, 15.0, 15.0)  # seconds, by level
FADES = (0.0, 4.0, 8.0, 15.0, 15.0)  # seconds without a new failure after which a level becomes the one below it
FORGOTTEN = 29.0  # seconds without a new failure after which there is no level left
IPV6_PREFIX = 48  # what one customer has
KEPT_PROOFS = 10  # wrong passwords of an address that are remembered
MAX_ADDRESSES = 20_000
MAX_KNOWN = 100_000  # users, each from one network, whose last login there succeeded


@dataclass(frozen=True, slots=True)
class Penalised:
    """A network whose logins have to wait, and for how many seconds they still would without a new failure."""

    network: str  # an IPv4 address or an IPv6 network
    level: int
    seconds_left: float
    user: str  # whose logins failed; empty: those of several


class Failures(NamedTuple):
    """What is kept of a network's failed logins."""

    level: int = 0
    since: float = 0.0  # when the last one failed
    user: str = ""  # whose logins failed; empty: those of several
    proofs: tuple[bytes, ...] = ()  # of their passwords


NO_FAILURES = Failures()


def faded(level: int, age: float) -> int:
    """The level now, when the last failure is `age` seconds ago."""
    if age >= FORGOTTEN:
        return 0
    while level and age >= FADES[level]:
        age -= FADES[level]
        level -= 1
    return level


def seconds_left(level: int, age: float) -> float:
    """Seconds until there is no level left, without a new failure."""
    return max(min(sum(FADES[1 : level + 1]), FORGOTTEN) - age, 0.0)


def one_more(failures: Failures, level: int, user: str, proof: bytes, now: float) -> Failures:
    """These failures and one that began at `level`."""
    level = max(level, faded(failures.level, now - failures.since))
    whose = user if not level or failures.user == user else ""
    return Failures(min(level + 1, len(WAITS) - 1), now, whose, (*failures.proofs, proof)[-KEPT_PROOFS:])


def proof_of(user: str, password: str, secret: bytes) -> bytes:
    """By what a wrong password is known again: 16 octets that tell nothing without the secret."""
    text = f"{len(user)}:{user}{password}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16, key=secret).digest()


@lru_cache(maxsize=1024)
def network_of(address: str) -> str:
    """The address, or for IPv6 the network that it is in: one customer has them all."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ip_network((ip, IPV6_PREFIX), strict=False))
    return address
