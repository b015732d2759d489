"""A passdb whose driver gsubmit lacks: it stands in its place in the chain, and cannot be asked."""

from __future__ import annotations

from gsubmit.auth.passdb import Answer, Origin, Reach, Unavailable
from gsubmit.sasl.claims import Claim, Cleartext, KeysWanted, Proven


class Absent:
    """A passdb of a driver of Dovecot's that is not here."""

    # Not tokens: a client whose token has expired must hear so from those who know it, to fetch a new one.
    serves: tuple[type[Claim], ...] = (Cleartext, KeysWanted, Proven)
    reach: Reach = "absent"

    def __init__(self, driver: str) -> None:
        self._driver = driver

    def __str__(self) -> str:
        return self._driver

    def verify(self, _: Claim, __: Origin) -> Answer:
        """Raise Unavailable: what this passdb alone could know is not known."""
        raise Unavailable(f"passdb driver {self._driver} is not supported yet")

    def pretend(self, _: Claim, __: Origin) -> None:
        """It takes no time, and has no users to look like."""
