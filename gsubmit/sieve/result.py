"""What a script has asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Keep(NamedTuple):
    """RFC 5228 4.3; explicit."""

    flags: tuple[str, ...] = ()


class FileInto(NamedTuple):
    """RFC 5228 4.1. `create`: RFC 5490 3.2; `special_use`: RFC 8579 4, an attribute of mailboxes, or empty."""

    mailbox: str
    flags: tuple[str, ...] = ()
    is_copy: bool = False
    create: bool = False
    special_use: str = ""


class Redirect(NamedTuple):
    """RFC 5228 4.2."""

    address: str
    is_copy: bool = False


class Discard(NamedTuple):
    """RFC 5228 4.4."""


class Reject(NamedTuple):
    """RFC 5429 2."""

    text: str
    is_ereject: bool = False


class Tracked(NamedTuple):
    """An id to be remembered, when all has gone well, for so many seconds (None: the usual time); RFC 7352."""

    id: str
    seconds: int | None = None


Action = Keep | FileInto | Redirect | Discard | Reject


@dataclass(slots=True)
class Result:
    """The actions in the order of the script, each once.

    `keeps_implicitly` is whether the message is kept although no action says so (RFC 5228 2.10.2), `flags` are the
    ones that it has then (RFC 5232).
    """

    actions: list[Action] = field(default_factory=list)
    keeps_implicitly: bool = True
    flags: tuple[str, ...] = ()
    tracked: list[Tracked] = field(default_factory=list)

    def track(self, tracked: Tracked) -> None:
        """One more id, unless it is there."""
        if tracked not in self.tracked:
            self.tracked.append(tracked)

    @property
    def keeps(self) -> bool:
        """Whether the message is kept, for one reason or the other."""
        return self.keeps_implicitly or any(isinstance(action, Keep) for action in self.actions)
