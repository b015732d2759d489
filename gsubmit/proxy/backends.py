"""The addresses of backends: which one a user is sent to, and which are left alone because they have just failed."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import NamedTuple

from gsubmit.net.resolve import LookupFailed, addresses_of, doubt
from gsubmit.proxy.target import Place

# A backend that failed is left alone, each time for twice as long. The longest is short: users come back with it.
FIRST_BACKOFF = 0.9  # seconds, a little less than the time between two tries of one login
LONGEST_BACKOFF = 5.0
# Whoever comes later is not even made to wait (Dovecot's proxy_host_immediate_failure_after).
GIVEN_UP_AFTER = 30.0  # seconds of failures
MAX_KEPT = 10_000  # addresses of places that have failed


class Found(NamedTuple):
    """An address, and the name that it was found by."""

    host: str
    address: str


@dataclass(slots=True)
class _Failure:
    since: float  # monotonic, as the next
    until: float
    backoff: float


class Backends:
    """All of them. A user goes to the same address as long as it answers, and to the same other one while it does not.

    Users are spread by rendezvous hashing: of the addresses of a place, the one with the highest hash of user and
    address; so one address less moves only its own users.
    """

    def __init__(self) -> None:
        # By place too: one that names the backend wrongly, or its kind of TLS, says nothing of the others.
        self._failures: dict[tuple[Place, str], _Failure] = {}

    def addresses(self, place: Place, user: str, seconds: float) -> list[Found]:
        """Those of a place, in the order to try them for this user. Raises LookupFailed when there is none."""
        if place.hostip:
            return [Found(place.hosts[0], place.hostip)]
        found: dict[str, Found] = {}
        failures = []
        for host in place.hosts:
            try:
                for address in addresses_of(host, seconds):
                    found.setdefault(address, Found(host, address))
            except LookupFailed as failed:
                failures.append(failed)
        if not found:
            raise failures[0]
        if len(found) == 1:
            return list(found.values())
        return sorted(found.values(), key=lambda one: _weight(user, one.address), reverse=True)

    def left_alone(self, place: Place, address: str) -> bool:
        """Whether it has failed a moment ago."""
        failure = self._failures.get((place, address))
        return failure is not None and time.monotonic() < failure.until

    def is_given_up(self, place: Place, address: str) -> bool:
        """Whether it has failed for long."""
        failure = self._failures.get((place, address))
        return failure is not None and failure.until - failure.since > GIVEN_UP_AFTER

    def failed(self, place: Place, address: str) -> None:
        """It does not serve us: others leave it alone for a while."""
        now = time.monotonic()
        known = self._failures.pop((place, address), None)
        if known is None or now - known.until > GIVEN_UP_AFTER:  # nobody has tried since, and it may have been there
            known = _Failure(now, 0.0, FIRST_BACKOFF / 2)
        if now >= known.until:  # not what was under way when it was noticed
            known.backoff = min(known.backoff * 2, LONGEST_BACKOFF)
            known.until = now + known.backoff
        if len(self._failures) >= MAX_KEPT:
            self._failures.pop(next(iter(self._failures)))
        self._failures[place, address] = known

    def worked(self, place: Place, address: str) -> None:
        """It does."""
        self._failures.pop((place, address), None)

    def doubt(self, place: Place) -> None:
        """All addresses have failed: DNS may know others by now."""
        for host in place.hosts:
            doubt(host)


def _weight(user: str, address: str) -> bytes:
    return hashlib.blake2b(f"{user}\0{address}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
