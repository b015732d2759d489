"""What a script has asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.limits import Limits


def _with(flags: tuple[str, ...]) -> str:
    return f" with {' '.join(flags)}" if flags else ""


class Keep(NamedTuple):
    """RFC 5228 4.3; explicit."""

    flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"the message is kept{_with(self.flags)}"


class FileInto(NamedTuple):
    """RFC 5228 4.1. `create`: RFC 5490 3.2; `special_use`: RFC 8579 4, an attribute of mailboxes, or empty."""

    mailbox: str
    flags: tuple[str, ...] = ()
    is_copy: bool = False
    create: bool = False
    special_use: str = ""

    def __str__(self) -> str:
        return f"{'a copy' if self.is_copy else 'the message'} is filed in {self.mailbox!r}{_with(self.flags)}"


class Redirect(NamedTuple):
    """RFC 5228 4.2."""

    address: str
    is_copy: bool = False

    def __str__(self) -> str:
        return f"{'a copy' if self.is_copy else 'the message'} goes to {self.address}"


class Discard(NamedTuple):
    """RFC 5228 4.4."""

    def __str__(self) -> str:
        return "the message is discarded"


class Reject(NamedTuple):
    """RFC 5429 2."""

    text: str
    is_ereject: bool = False

    def __str__(self) -> str:
        return f"the message is refused: {self.text!r}"


class Tracked(NamedTuple):
    """An id to be remembered, when all has gone well, for so many seconds (None: the usual time); RFC 7352."""

    id: str
    seconds: int | None = None


Action = Keep | FileInto | Redirect | Discard | Reject


def _target(action: Action) -> tuple[object, ...]:
    """What is not done twice (RFC 5228 2.10.3)."""
    match action:
        case Redirect(address):
            local_part, _, domain = address.rpartition("@")
            return Redirect, local_part, domain.lower()
        case FileInto():
            return FileInto, action.mailbox, action.special_use
        case _:
            return (type(action),)


def _merged(there: Action, new: Action) -> Action:
    if isinstance(there, FileInto) and isinstance(new, FileInto):
        return new._replace(is_copy=there.is_copy and new.is_copy, create=there.create or new.create)
    if isinstance(there, Redirect) and isinstance(new, Redirect):
        return there._replace(is_copy=there.is_copy and new.is_copy)
    return new


@dataclass(slots=True)
class Result:
    """The actions in the order of the script, each once.

    `keeps_implicitly` is whether the message is kept although no action says so (RFC 5228 2.10.2), `flags` are the
    ones that it has then (RFC 5232). The first actions, `earlier` of them, are those of scripts before this one.
    """

    actions: list[Action] = field(default_factory=list)
    keeps_implicitly: bool = True
    flags: tuple[str, ...] = ()
    tracked: list[Tracked] = field(default_factory=list)
    earlier: int = 0

    def for_next(self) -> Result:
        """A copy for the next script in a row: what is kept so far is its to decide anew, and the rest adds to that."""
        flags = next((action.flags for action in self.actions if isinstance(action, Keep)), self.flags)
        actions: list[Action] = [
            action._replace(is_copy=True) for action in self.actions if isinstance(action, (FileInto, Redirect))
        ]
        return Result(actions, True, flags, list(self.tracked), len(actions))

    def add(self, action: Action, limits: Limits) -> None:
        """One more action, unless it is there: then its flags count (RFC 5232 3). Raises Mistake."""
        if not (isinstance(action, (Redirect, FileInto)) and action.is_copy):
            self.keeps_implicitly = False
        kinds = {type(one) for one in self.actions[self.earlier :]} - {Discard}
        if isinstance(action, Discard) and self.actions:
            return  # it takes away the implicit keep, and no more (RFC 5228 4.4)
        if not isinstance(action, Discard) and ((isinstance(action, Reject) and kinds) or Reject in kinds):
            raise Mistake("reject cannot be used together with other actions")  # RFC 5429 2.4
        target = _target(action)
        for at, one in enumerate(self.actions):
            if _target(one) == target:
                self.actions[at] = _merged(one, action)
                return
        if len(self.actions) >= limits.actions:
            raise Mistake(f"more than {limits.actions} actions")
        if isinstance(action, Redirect) and sum(isinstance(one, Redirect) for one in self.actions) >= limits.redirects:
            raise Mistake(f"more than {limits.redirects} redirects")
        self.actions.append(action)

    def track(self, tracked: Tracked, limits: Limits) -> None:
        """One more id, unless it is there. Raises Mistake."""
        if tracked in self.tracked:
            return
        if len(self.tracked) >= limits.actions:
            raise Mistake(f"more than {limits.actions} messages to remember")
        self.tracked.append(tracked)

    @property
    def keeps(self) -> bool:
        """Whether the message is kept, for one reason or the other."""
        return self.keeps_implicitly or any(isinstance(action, Keep) for action in self.actions)
