"""Variables (RFC 5229): what stands for one in a string, and where `set` and others put a value."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gsubmit.sieve.call import Home
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.machine import Machine
from gsubmit.sieve.strings import Piece

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
COMMON = "global"  # the namespace of RFC 6609 3.4.2


@dataclass(frozen=True, slots=True)
class Place:
    """A variable of the script, or one that scripts share."""

    name: str
    is_common: bool

    def _variables(self, machine: Machine) -> dict[str, str]:
        return machine.shared.variables if self.is_common else machine.scope.variables

    def get(self, machine: Machine) -> str:
        """What it holds; empty if nothing was put there."""
        return self._variables(machine).get(self.name, "")

    def put(self, machine: Machine, value: str) -> None:
        """Let it hold that, or the beginning of it where that is too long. Raises Mistake for one too many."""
        variables = self._variables(machine)
        if self.name not in variables and len(variables) >= machine.limits.variables:
            raise Mistake(f"more than {machine.limits.variables} variables")
        variables[self.name] = value[: machine.limits.variable_size]


def place_of(home: Home, name: str) -> Place:
    """The variable that a script names. Raises Mistake."""
    namespace, dot, last = name.lower().rpartition(".")
    if not IDENTIFIER.fullmatch(last):
        raise Mistake(f"'{name[:40]}' cannot be the name of a variable")
    if not dot:
        if last not in home.commons:
            home.own_variables.add(last)
            if len(home.own_variables) > home.limits.variables:
                raise Mistake(f"more than {home.limits.variables} variables")
        return Place(last, last in home.commons)
    if namespace != COMMON or not home.has("include"):
        raise Mistake(f"unknown namespace '{namespace[:40]}' of variables")
    return Place(last, is_common=True)


def value_of(home: Home, name: str) -> Piece:
    """What a variable holds that a script names; it may be a match value (RFC 5229 3). Raises Mistake."""
    return (
        match_value(name, home.limits.match_values) if name.isascii() and name.isdigit() else place_of(home, name).get
    )


def common(name: str) -> Piece:
    """What `${global.NAME}` stands for. Raises Mistake."""
    if not IDENTIFIER.fullmatch(name):
        raise Mistake(f"'{name[:40]}' cannot be the name of a variable")
    return Place(name, is_common=True).get


def match_value(number: str, most: int) -> Piece:
    """What a wildcard stood for, or (0) the whole. Raises Mistake."""
    index = int(number.lstrip("0")[:9] or "0")
    if index > most:
        raise Mistake(f"there is no match value {index}: {most} is the last")

    def piece(machine: Machine) -> str:
        matches = machine.scope.matches
        return matches[index] if index < len(matches) else ""

    return piece
