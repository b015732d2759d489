"""Flags of stored copies: setflag, addflag, removeflag, hasflag (RFC 5232)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gsubmit.sieve.call import Call
from gsubmit.sieve.comparators import Pause
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.limits import in_turns
from gsubmit.sieve.machine import Command, Machine, Test
from gsubmit.sieve.matching import Match, match_of
from gsubmit.sieve.references import Place, place_of, value_of
from gsubmit.sieve.strings import Piece, Texts
from gsubmit.sieve.words import MATCH_TAGS, Takes, Word

_MAX_FLAGS = 100
_MAX_FLAG = 100  # characters; with much longer commands no IMAP server does anything
_SYSTEM = {"\\answered", "\\flagged", "\\deleted", "\\seen", "\\draft"}  # those that can be set, RFC 9051 2.3.2
_WORD = re.compile(r"[^ ]+")
_KEYWORD = re.compile(r'[^\x00-\x20(){%*"\\\]\x7f-\U0010ffff]+')


def flags_in(texts: Sequence[str], machine: Machine) -> tuple[str, ...]:
    """The flags of lists that are divided by spaces, each once; what cannot be one is left out. Raises Mistake."""
    found: dict[str, str] = {}
    for text in texts:
        machine.work(1 + text.count(" "))
        for flag in _words(text, machine.world.pause):
            if flag.lower() in _SYSTEM or (len(flag) <= _MAX_FLAG and _KEYWORD.fullmatch(flag)):
                found.setdefault(flag.lower(), flag)
    if len(found) > _MAX_FLAGS:
        raise Mistake(f"more than {_MAX_FLAGS} flags")
    return tuple(found.values())


def _words(text: str, pause: Pause) -> Iterator[str]:
    """Divided by spaces and nothing else (RFC 5232 2): a word with any other blank is no flag."""
    return (found[0] for found in in_turns(_WORD.finditer(text), pause))


class _FlagTexts(Texts):
    """Lists of flags in which each flag is a string of its own."""

    __slots__ = ()

    def __init__(self, texts: Texts, pause: Pause) -> None:
        super().__init__(texts.texts)
        if texts.constants is not None:
            self.constants = tuple(flag for text in texts.constants for flag in _words(text, pause))

    def of(self, machine: Machine) -> Sequence[str]:
        """What they are now."""
        texts = super().of(machine)
        if self.constants is not None:
            return texts
        return [flag for text in texts for flag in _words(text, machine.world.pause)]


def _set(had: tuple[str, ...], flags: tuple[str, ...]) -> tuple[str, ...]:
    return flags


def _added(had: tuple[str, ...], flags: tuple[str, ...]) -> tuple[str, ...]:
    there = {flag.lower() for flag in had}
    return (*had, *(flag for flag in flags if flag.lower() not in there))


def _removed(had: tuple[str, ...], flags: tuple[str, ...]) -> tuple[str, ...]:
    gone = {flag.lower() for flag in flags}
    return tuple(flag for flag in had if flag.lower() not in gone)


@dataclass(frozen=True, slots=True)
class _Change:
    place: Place | None  # None: the internal variable
    flags: Texts
    change: Callable[[tuple[str, ...], tuple[str, ...]], tuple[str, ...]]

    def run(self, machine: Machine) -> None:
        flags = flags_in(self.flags.of(machine), machine)
        if self.place is None:
            machine.flags = self.change(machine.flags, flags)
            return
        had = flags_in((self.place.get(machine),), machine)
        self.place.put(machine, " ".join(self.change(had, flags)))


@dataclass(frozen=True, slots=True)
class _HasFlag:
    values: Sequence[Piece] | None  # of variables; None: the internal one
    match: Match[Any]

    def holds(self, machine: Machine) -> bool:
        if self.values is None:
            return self.match.any(machine, machine.flags)
        lists = [flags_in((value(machine),), machine) for value in self.values]
        return self.match.any(machine, [flag for flags in lists for flag in flags])


def _change(call: Call, change: Callable[[tuple[str, ...], tuple[str, ...]], tuple[str, ...]]) -> Command:
    place = None
    if call.has("variable"):
        if not call.home.has("variables"):
            raise Mistake('the name of a variable needs require "variables"')
        place = place_of(call.home, call.constant("variable"))
    return _Change(place, call.texts("flags"), change)


def _hasflag(call: Call) -> Test:
    values = None
    if call.has("variables"):
        if not call.home.has("variables"):
            raise Mistake('the names of variables need require "variables"')
        values = [value_of(call.home, name) for name in call.constants("variables")]
    return _HasFlag(values, match_of(call, _FlagTexts(call.texts("flags"), call.home.pause)))


_ARGUMENTS = (("variable", Takes.CONSTANT), ("flags", Takes.STRINGS))


def _word(name: str, change: Callable[[tuple[str, ...], tuple[str, ...]], tuple[str, ...]]) -> Word:
    return Word(name, lambda call: _change(call, change), _ARGUMENTS, extension="imap4flags", is_first_optional=True)


WORDS = (
    _word("setflag", _set),
    _word("addflag", _added),
    _word("removeflag", _removed),
    Word(
        "hasflag",
        _hasflag,
        (("variables", Takes.CONSTANTS), ("flags", Takes.STRINGS)),
        MATCH_TAGS,
        extension="imap4flags",
        is_test=True,
        is_first_optional=True,
    ),
)
