"""The logins that one connection has tried."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Attempts:
    """What is to be said about those that failed, and what they have used up."""

    failed: int = 0
    has_bound: bool = False  # a channel binding was used, and is good for no other
    unfinished: int = 0  # exchanges that the client began, and did not end with a proof
    has_mail: bool = False  # MAIL or RCPT came without a login
    first: float = 0.0
    user: str = ""
    method: str = ""
    reason: str = ""
