"""Failures of networks as one process keeps them."""

from __future__ import annotations

import itertools
import secrets
import time

from gsubmit.auth import penalty
from gsubmit.auth.penalty import NO_FAILURES, Failures, Penalised, faded, network_of, one_more, proof_of, seconds_left


class LocalPenalty:
    """The levels of all networks that failed recently; what has faded is forgotten."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(16)
        self._failures: dict[str, Failures] = {}  # by network; the one that failed longest ago first
        self._known: dict[tuple[str, str], None] = {}  # network and user; the one that logged in longest ago first

    @property
    def networks(self) -> int:
        """How many networks have failures that are remembered."""
        return len(self._failures)

    def level(self, address: str, user: str = "") -> int:
        """How high the level of this address is."""
        failures = self._failures.get(network_of(address))
        if failures is None or self.knows(address, user):
            return 0
        return faded(failures.level, time.monotonic() - failures.since)

    def knows(self, address: str, user: str) -> bool:
        """Whether this user's last login from there succeeded."""
        return (network_of(address), user) in self._known

    def failed(self, address: str, level: int, user: str, password: str = "") -> None:
        """A login failed that began at `level`."""
        network = network_of(address)
        failures = self._failures.get(network, NO_FAILURES)
        proof = proof_of(user, password, self._secret)
        if password and proof in failures.proofs:
            return
        self._known.pop((network, user), None)
        self._failures.pop(network, None)
        self._failures[network] = one_more(failures, level, user, proof, time.monotonic())
        self._forget()

    def succeeded(self, address: str, user: str) -> None:
        """A login succeeded."""
        if not user:
            return
        network = network_of(address)
        failures = self._failures.get(network)
        if failures is not None and failures.user == user:
            del self._failures[network]
        self._known.pop((network, user), None)
        self._known[network, user] = None
        if len(self._known) > penalty.MAX_KNOWN:
            del self._known[next(iter(self._known))]

    def penalties(self) -> list[Penalised]:
        """The networks that have a level now."""
        now = time.monotonic()
        return [
            Penalised(network, level, seconds_left(failures.level, now - failures.since), failures.user)
            for network, failures in self._failures.items()
            if (level := faded(failures.level, now - failures.since))
        ]

    def clear_penalty(self, address: str) -> None:
        """Forget the failures of an address, or all."""
        if address:
            self._failures.pop(network_of(address), None)
        else:
            self._failures.clear()

    def _forget(self) -> None:
        """Drop what is over, oldest first; a few at a time, since each failure adds one at most."""
        for network, failures in list(itertools.islice(self._failures.items(), 2)):
            is_over = time.monotonic() - failures.since >= penalty.FORGOTTEN
            if is_over or len(self._failures) > penalty.MAX_ADDRESSES:
                del self._failures[network]
