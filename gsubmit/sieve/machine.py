"""One run of a script: its variables, its message, and how much it has used up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.limits import TURN, Limits, in_turns
from gsubmit.sieve.mail import Field, Mail, Part, World
from gsubmit.sieve.result import Action, Result


class Test(Protocol):
    """A test, ready to be carried out."""

    def holds(self, machine: Machine) -> bool:
        """Whether it is true. Raises Mistake."""


class Command(Protocol):
    """A command, ready to be carried out."""

    def run(self, machine: Machine) -> None:
        """Carry it out. Raises Mistake, and what ends a block."""


class Block:
    """Commands, each with its line."""

    __slots__ = ("_commands", "_lines")

    def __init__(self, commands: Sequence[Command] = (), lines: Sequence[int] = ()) -> None:
        self._commands = tuple(commands)
        self._lines = tuple(lines)

    def run(self, machine: Machine) -> None:
        """All of them in order."""
        for line, command in zip(self._lines, self._commands, strict=True):
            machine.line = line
            machine.work()
            command.run(machine)


@dataclass(frozen=True, slots=True)
class Known:
    """A test that is decided when the script is compiled: what depends on it need not make sense (RFC 5463 4)."""

    value: bool

    def holds(self, machine: Machine) -> bool:
        """As it was decided."""
        return self.value


class Stop(Exception):
    """The end of the script (RFC 5228 3.3)."""


class Scope:
    """The variables and match values of one script."""

    __slots__ = ("matches", "name", "variables")

    def __init__(self, name: str) -> None:
        self.name = name  # of the script
        self.variables: dict[str, str] = {}
        self.matches: Sequence[str] = ()


class Shared:
    """What included scripts have in common (RFC 6609)."""

    __slots__ = ("included", "main", "open", "variables")

    def __init__(self) -> None:
        self.variables: dict[str, str] = {}
        self.main: object = None
        self.included: set[object] = set()  # scripts that were carried out, or are, and the main one
        self.open: list[object] = []  # those that are being carried out, the innermost last

    def begin(self, main: object) -> None:
        """Nothing includes the script that is carried out itself (RFC 6609 3.1)."""
        self.main = main
        self.included.add(main)


class Machine:
    """`part` is the one that foreverypart is at, in the innermost of so many `loops`."""

    __slots__ = (
        *("flags", "limits", "line", "loops", "mail", "part", "result", "scope", "shared", "world"),
        *("_fields", "_now", "_pause_at", "_units"),
    )

    def __init__(self, name: str, mail: Mail, world: World, result: Result, limits: Limits) -> None:
        self.mail = mail
        self.world = world
        self.result = result
        self.limits = limits
        self.scope = Scope(name)
        self.shared = Shared()
        self.flags: tuple[str, ...] = result.flags
        self.part: Part | None = None
        self.loops = 0
        self.line = 0
        self._units = 0
        self._pause_at = TURN
        self._fields: dict[str, list[Field]] | None = None
        self._now: datetime | None = None

    def work(self, units: int = 1) -> None:
        """Something was done. Raises Mistake when it is too much; others run now and then."""
        self._units += units
        if self._units >= self._pause_at:
            if self._units > self.limits.work:
                raise Mistake(f"the script does too much: more than {self.limits.work} units of work")
            self._pause_at = self._units + TURN
            self.world.pause()

    @property
    def now(self) -> datetime:
        """One moment for the whole run (RFC 5260 5)."""
        if self._now is None:
            self._now = self.world.now()
        return self._now

    def tell(self, text: str) -> None:
        """Say what happens, if somebody wants to know."""
        if self.world.trace is not None:
            self.world.trace(self.scope.name, self.line, text)

    # The header

    def fields(self, name: str) -> Sequence[Field]:
        """The message's fields of that name, as they are now."""
        if self._fields is None:
            self.work(1 + len(self.mail.fields) // 8)
            self._fields = by_name(self.mail, self.world.pause)
        return self._fields.get(name.lower(), ())

    def header_has_changed(self) -> None:
        """Look at the fields anew."""
        self._fields = None

    # The result

    def add(self, action: Action) -> None:
        """One more action. Raises Mistake for one too many, or a conflict with others."""
        self.tell(str(action))
        self.result.add(action, self.limits)


def by_name(part: Part, pause: Callable[[], None]) -> dict[str, list[Field]]:
    """The fields of a header, by their names in lower case."""
    fields: dict[str, list[Field]] = {}
    for field in in_turns(part.fields, pause):
        fields.setdefault(field.name, []).append(field)
    return fields
