"""Passwords being checked: a few at a time for each address, so that one who guesses does not keep the others out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gsubmit.auth.passdb import Unavailable
from gsubmit.turns import Turns

AT_A_TIME = 2  # passwords checked at the same time for one address; slow hashes take a thread each
PATIENCE = 30.0  # seconds to wait for a turn


class Logins:
    """One for all sessions."""

    def __init__(self) -> None:
        self._by_address: dict[str, Turns] = {}

    @contextmanager
    def turn(self, address: str) -> Iterator[None]:
        """Wait for this address's turn, and have it. Raises Unavailable."""
        turns = self._by_address.setdefault(address, Turns(AT_A_TIME))
        if not turns.take(PATIENCE):
            raise Unavailable("too many logins at the same time from this address")
        try:
            yield
        finally:
            turns.give_back()
            if not turns.busy:
                self._by_address.pop(address, None)
