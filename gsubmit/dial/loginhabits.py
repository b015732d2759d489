"""What a relay has shown of how it takes logins, so that each new connection does not have to find out again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class LoginHabits:
    """Names of mechanisms, as long as the relay lists the same ones."""

    refused: set[str] = field(default_factory=set)  # it lists them, and does not know them
    without_initial: set[str] = field(default_factory=set)  # it does not take a response together with AUTH
    _offered: tuple[str, ...] = ()

    def look_at(self, offered: Sequence[str]) -> None:
        """Forget everything when the relay lists other mechanisms than before."""
        if tuple(offered) != self._offered:
            self.refused.clear()
            self.without_initial.clear()
            self._offered = tuple(offered)
