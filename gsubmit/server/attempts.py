"""The logins of one connection that came to nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Attempts:
    """What is to be said about logins that did not come to pass."""

    failed: int = 0
    unfinished: int = 0  # exchanges that the client began, and did not end with a proof
    first: float = 0.0
    user: str = ""
    method: str = ""
    reason: str = ""
