"""environment (RFC 5183), with the items and variables of vnd.dovecot.environment, and debug_log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gsubmit.sieve.call import Call
from gsubmit.sieve.machine import Command, Machine, Test
from gsubmit.sieve.matching import Match, match_of
from gsubmit.sieve.strings import Piece, Text
from gsubmit.sieve.words import MATCH_TAGS, Takes, Word

VENDOR = "vnd.dovecot."
EXTENSION = "vnd.dovecot.environment"
NAMESPACE = "env"
_MAX_TEXT = 1000  # characters of a line in the log
_LINE = 1000  # units of work that it counts as: a thousand lines are enough for a message
_CONFIGURED = VENDOR + "config."


def _item(machine: Machine, name: str, *, has_vendors: bool) -> str | None:
    """What an item of the environment is; None if there is none of that name."""
    name = name.lower()
    if name.startswith(VENDOR) and not has_vendors:
        return None
    if name.startswith(_CONFIGURED):
        return machine.world.variables.get(name.removeprefix(_CONFIGURED))
    return machine.world.items.get(name)


@dataclass(frozen=True, slots=True)
class _Environment:
    name: Text
    match: Match[Any]
    has_vendors: bool

    def holds(self, machine: Machine) -> bool:
        item = _item(machine, self.name.of(machine), has_vendors=self.has_vendors)
        if item is None:
            return False
        return self.match.any(machine, () if self.match.counts and not item else (item,))


@dataclass(frozen=True, slots=True)
class _DebugLog:
    text: Text

    def run(self, machine: Machine) -> None:
        text = self.text.of(machine)[:_MAX_TEXT]
        machine.work(_LINE)
        machine.tell(text)
        machine.world.say(text)


def _environment(call: Call) -> Test:
    return _Environment(call.text("name"), match_of(call), call.home.has(EXTENSION))


def _debug_log(call: Call) -> Command:
    return _DebugLog(call.text("text"))


def variable(name: str) -> Piece:
    """What `${env.NAME}` stands for; an underscore may be the dash that no name of a variable can have."""

    def piece(machine: Machine) -> str:
        item = _item(machine, name, has_vendors=True)
        return item if item is not None else _item(machine, name.replace("_", "-"), has_vendors=True) or ""

    return piece


WORDS = (
    Word(
        "environment",
        _environment,
        (("name", Takes.STRING), ("keys", Takes.STRINGS)),
        MATCH_TAGS,
        extension="environment",
        is_test=True,
    ),
    Word("debug_log", _debug_log, (("text", Takes.STRING),), extension="vnd.dovecot.debug"),
)
