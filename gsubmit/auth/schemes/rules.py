"""Which stored passwords are compared at all."""

from __future__ import annotations

from dataclasses import dataclass

from gsubmit.auth.schemes.cost import DEFAULT_LIMITS, Limits
from gsubmit.auth.schemes.scheme import SchemeError
from gsubmit.auth.schemes.stored import StoredPassword


@dataclass(frozen=True)
class Rules:
    """What the administrator allows."""

    allow_weak: bool = True
    limits: Limits = DEFAULT_LIMITS

    def check(self, hashed: StoredPassword) -> None:
        """Raise SchemeError for one that is not."""
        if not self.allow_weak and hashed.is_weak:
            raise SchemeError("weak password scheme, see auth_allow_weak_schemes")
        if excess := self.limits.excess(hashed.cost):
            raise SchemeError(excess)
