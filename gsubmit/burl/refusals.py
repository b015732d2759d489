"""What a Resolver has to know of earlier URLs of the same user."""

from __future__ import annotations

from typing import Protocol


class Refusals(Protocol):
    """How often IMAP servers have recently said no to what a user made us ask them; a part of LoginState."""

    def refused(self, user: str, *, of_others: bool) -> None:
        """A server said no: to what this user has of others, or to our login with what it has of its own."""

    def too_many_refusals(self, user: str, *, of_others: bool) -> bool:
        """Whether nothing more is to be asked for this user now."""
