"""The contract of a passdb: credentials in, identity out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gsubmit.sasl.mechanism import Cleartext


@dataclass(frozen=True)
class Identity:
    """Who logged in, with the extra fields of the passdb entry (`proxy`, `allow_nets`, ...)."""

    user: str
    fields: Mapping[str, str]


class Denied(Exception):
    """The credentials do not hold. The reason is for the log; the client never learns which one it was."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownUser(Denied):
    """Denied, and no password was compared: the time for that is still owed (see Passdb.pretend)."""

    def __init__(self) -> None:
        super().__init__("unknown user")


class Unavailable(Exception):
    """We could not find out: a failure of ours, never held against the user. The reason is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Passdb(Protocol):
    """One source of users."""

    def verify(self, credentials: Cleartext) -> Identity:
        """The identity these credentials prove, or Denied, or Unavailable."""

    def pretend(self, credentials: Cleartext) -> None:
        """Spend the time that a wrong password takes, so that a reply's delay does not tell who exists."""
