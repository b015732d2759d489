"""date and currentdate (RFC 5260)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gsubmit.sieve.call import Call
from gsubmit.sieve.dates import PARTS, read_date, read_zone, shifted
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.machine import Machine, Test
from gsubmit.sieve.matching import Match, match_of
from gsubmit.sieve.strings import Text
from gsubmit.sieve.where import index_of, indexed
from gsubmit.sieve.words import INDEX_TAGS, MATCH_TAGS, Tag, Takes, Word


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a date, in a time zone."""

    name: Text
    zone: Text | None  # None: the local one, or, if it `keeps_zone`, the date's own
    keeps_zone: bool

    def of(self, machine: Machine, moment: datetime) -> Sequence[str]:
        """What that is."""
        there: datetime | None = moment
        if self.zone is not None:
            there = shifted(moment, read_zone(self.zone.of(machine)))
        elif not self.keeps_zone:
            there = shifted(moment, None)
        return (_checked(self.name.of(machine))(there),) if there is not None else ()


@dataclass(frozen=True, slots=True)
class _Date:
    field: Text
    part: _Part
    index: int
    match: Match[Any]

    def holds(self, machine: Machine) -> bool:
        found = indexed(machine.fields(self.field.of(machine)), self.index or 1)
        moment = read_date(found[0].raw) if found else None
        machine.work(4)
        return self.match.any(machine, () if moment is None else self.part.of(machine, moment))


@dataclass(frozen=True, slots=True)
class _CurrentDate:
    part: _Part
    match: Match[Any]

    def holds(self, machine: Machine) -> bool:
        return self.match.any(machine, self.part.of(machine, machine.now))


def _checked(name: str) -> Callable[[datetime], str]:
    part = PARTS.get(name.lower())
    if part is None:
        raise Mistake(f"'{name[:40]}' is not a part of a date")
    return part


def _part(call: Call) -> _Part:
    name, zone = call.text("part"), None
    if name.constant is not None:
        _checked(name.constant)
    if call.tag("zone", "") == "zone":
        zone = call.text("zone")
        if zone.constant is not None:
            read_zone(zone.constant)
    return _Part(name, zone, call.tag("zone", "") == "originalzone")


def _date(call: Call) -> Test:
    return _Date(call.text("field"), _part(call), index_of(call), match_of(call))


_ZONE = Tag("zone", Takes.STRING, group="zone")
WORDS = (
    Word(
        "date",
        _date,
        (("field", Takes.STRING), ("part", Takes.STRING), ("keys", Takes.STRINGS)),
        (*MATCH_TAGS, *INDEX_TAGS, _ZONE, Tag("originalzone", group="zone")),
        extension="date",
        is_test=True,
    ),
    Word(
        "currentdate",
        lambda call: _CurrentDate(_part(call), match_of(call)),
        (("part", Takes.STRING), ("keys", Takes.STRINGS)),
        (*MATCH_TAGS, _ZONE),
        extension="date",
        is_test=True,
    ),
)
