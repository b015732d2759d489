"""set and string (RFC 5229)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gsubmit.sieve.call import Call
from gsubmit.sieve.comparators import Pause, in_slices, lower, upper
from gsubmit.sieve.limits import STRIDE
from gsubmit.sieve.machine import Command, Machine, Test
from gsubmit.sieve.matching import Match, match_of
from gsubmit.sieve.references import Place, place_of
from gsubmit.sieve.regex import quoted
from gsubmit.sieve.strings import Text, Texts, with_backslashes
from gsubmit.sieve.words import MATCH_TAGS, Tag, Takes, Word

Modifier = Callable[[str, Pause], str]
# By their precedence, RFC 5229 4.1; tags of one group exclude each other.
_MODIFIERS: tuple[tuple[str, dict[str, Modifier]], ...] = (
    ("case", {"lower": lower, "upper": upper}),
    (
        "first-letter",
        {
            "lowerfirst": lambda text, pause: lower(text[:1], pause) + text[1:],
            "upperfirst": lambda text, pause: upper(text[:1], pause) + text[1:],
        },
    ),
    (
        "quote",
        {
            "quotewildcard": lambda text, pause: in_slices(text, lambda piece: with_backslashes(piece, "*?"), pause),
            "quoteregex": lambda text, pause: in_slices(text, quoted, pause),
        },
    ),
    ("length", {"length": lambda text, _: str(len(text))}),
)
MODIFIER_TAGS = tuple(
    Tag(name, group=group, extension="regex" if name == "quoteregex" else "")
    for group, names in _MODIFIERS
    for name in names
)


def modifiers(call: Call) -> Sequence[Modifier]:
    """What the tags of a call do to a value, in order."""
    return [names[call.tags[group]] for group, names in _MODIFIERS if group in call.tags]


def modified(value: str, modifiers: Sequence[Modifier], machine: Machine) -> str:
    """A value as it is to be stored."""
    for modify in modifiers:
        machine.work(1 + len(value) // STRIDE)
        value = modify(value, machine.world.pause)
    return value


@dataclass(frozen=True, slots=True)
class _Set:
    place: Place
    value: Text
    modifiers: Sequence[Modifier]

    def run(self, machine: Machine) -> None:
        self.place.put(machine, modified(self.value.of(machine), self.modifiers, machine))


@dataclass(frozen=True, slots=True)
class _String:
    sources: Texts
    match: Match[Any]

    def holds(self, machine: Machine) -> bool:
        sources = self.sources.of(machine)
        if self.match.counts:
            sources = [source for source in sources if source]
        return self.match.any(machine, sources)


def _set(call: Call) -> Command:
    return _Set(place_of(call.home, call.constant("name")), call.text("value"), modifiers(call))


def _string(call: Call) -> Test:
    return _String(call.texts("sources"), match_of(call))


WORDS = (
    Word("set", _set, (("name", Takes.CONSTANT), ("value", Takes.STRING)), MODIFIER_TAGS, extension="variables"),
    Word(
        "string",
        _string,
        (("sources", Takes.STRINGS), ("keys", Takes.STRINGS)),
        MATCH_TAGS,
        extension="variables",
        is_test=True,
    ),
)
