"""What is kept of logins from one to the next: all that workers, or machines, have to share."""

from __future__ import annotations

from typing import Protocol

from gsubmit.auth.penalty import Penalised


class StateLost(Exception):
    """Whatever keeps the state does not answer; the text says why, for the log."""


class LoginState(Protocol):
    """Failures by network (auth/penalty.py), connections by user and network, and refusals of IMAP servers by user.

    An IPv6 network counts as one address. Each call is one question. Who keeps the state elsewhere raises StateLost; a
    connection that was to leave then still counts.
    """

    def level(self, address: str, user: str = "") -> int:
        """How high the level of this address is; a login has to wait WAITS[level] before it is looked at.

        It is 0 for a user whose last login from there succeeded: who shares an address with a guesser is not kept out.
        """

    def knows(self, address: str, user: str) -> bool:
        """Whether this user's last login from there succeeded."""

    def failed(self, address: str, level: int, user: str, password: str = "") -> None:
        """A login failed that began at `level`.

        The same wrong password again is no guess: some client was never told the new one.
        """

    def succeeded(self, address: str, user: str) -> None:
        """A login succeeded. It is an end to the failures of this user; those of others it does not forgive.

        Without a name nothing follows: a token has said who it is, which is not guessed.
        """

    def penalties(self) -> list[Penalised]:
        """The networks that have a level now, in any order."""

    def clear_penalty(self, address: str) -> None:
        """Forget the failures of this address, or of all if it is empty."""

    def enter(self, user: str, address: str, most: int) -> bool:
        """Count one more connection of a user from an address, unless there are `most` (0: any number)."""

    def leave(self, user: str, address: str) -> None:
        """A connection that was counted is over."""

    def refused(self, user: str, *, of_others: bool) -> None:
        """An IMAP server said no to what this user has of others, or to our login with what it has of its own."""

    def too_many_refusals(self, user: str, *, of_others: bool) -> bool:
        """Whether IMAP servers are not to be asked for this user now."""

    def forget_refusals(self) -> None:
        """The servers, or our logins there, are others now."""
