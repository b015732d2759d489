"""include, return and global (RFC 6609)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from gsubmit.sieve.call import Call, Program
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.machine import Command, Machine, Scope, Stop
from gsubmit.sieve.references import IDENTIFIER
from gsubmit.sieve.words import Tag, Takes, Word

_MAX_NAME = 128  # characters, RFC 5804 1.6


class _Return(Exception):
    """The end of an included script."""


@dataclass(frozen=True, slots=True)
class _Include:
    program: Program | None
    name: str
    once: bool
    is_optional: bool

    def run(self, machine: Machine) -> None:
        shared = machine.shared
        if self.program is None:
            if self.is_optional:
                return
            raise Mistake(f"there is no script '{self.name}'")
        if self.once and self.program in shared.included:
            return
        if self.program is shared.main or self.program in shared.open:
            raise Mistake(f"script '{self.name}' includes itself")
        if len(shared.open) >= machine.limits.include_depth:
            raise Mistake(f"more than {machine.limits.include_depth} scripts within each other")
        scope, line = machine.scope, machine.line
        shared.included.add(self.program)
        shared.open.append(self.program)
        machine.scope = Scope(self.program.name)
        with suppress(_Return):
            self.program.block.run(machine)
        shared.open.pop()
        machine.scope, machine.line = scope, line


class _ReturnCommand:
    def run(self, machine: Machine) -> None:
        raise _Return if machine.shared.open else Stop


class _Nothing:
    def run(self, machine: Machine) -> None:
        pass


def _include(call: Call) -> Command:
    name = call.constant("name")
    if not 0 < len(name) <= _MAX_NAME or "/" in name or not name.isprintable():
        raise Mistake(f"'{name[:40]}' cannot be the name of a script")
    is_global = call.tag("location", "personal") == "global"
    program = call.home.include(name, is_global=is_global)
    if program is None and not call.has("optional"):
        call.home.misses(call.line, f"there is no script '{name}'")
    return _Include(program, name, call.has("once"), call.has("optional"))


def _global(call: Call) -> Command:
    if not call.home.has("variables"):
        raise Mistake("command 'global' needs require \"variables\"")
    for name in call.constants("names"):
        if not IDENTIFIER.fullmatch(name):
            raise Mistake(f"'{name[:40]}' cannot be the name of a variable")
        if name.lower() in call.home.own_variables:
            raise Mistake(f"variable '{name[:40]}' is used in this script before it is global")
        call.home.commons.add(name.lower())
    return _Nothing()


WORDS = (
    Word(
        "include",
        _include,
        (("name", Takes.CONSTANT),),
        (Tag("personal", group="location"), Tag("global", group="location"), Tag("once"), Tag("optional")),
        extension="include",
    ),
    Word("return", lambda call: _ReturnCommand(), extension="include"),
    Word("global", _global, (("names", Takes.CONSTANTS),), extension="include"),
)
