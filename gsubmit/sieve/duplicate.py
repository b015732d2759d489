"""duplicate (RFC 7352)."""

from __future__ import annotations

from dataclasses import dataclass

from gsubmit.sieve.call import Call
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.machine import Machine, Test
from gsubmit.sieve.result import Tracked
from gsubmit.sieve.strings import Text
from gsubmit.sieve.words import Tag, Takes, Word


@dataclass(frozen=True, slots=True)
class _Duplicate:
    handle: str
    field: str  # that has the id; empty: `id` is it
    id: Text | None
    seconds: int | None
    last: bool

    def holds(self, machine: Machine) -> bool:
        id = self._id(machine)
        if id is None or self.seconds == 0:  # RFC 7352 3.3
            return False
        id = f"{self.handle}\0{id}"
        has_seen = machine.world.tracker.has_seen(id)
        if self.last or not has_seen:
            machine.result.track(Tracked(id, self.seconds), machine.limits)
        return has_seen

    def _id(self, machine: Machine) -> str | None:
        if self.id is not None:
            return self.id.of(machine)
        fields = machine.fields(self.field)
        return fields[0].text if fields else None


def _duplicate(call: Call) -> Test:
    seconds = call.number("seconds") if call.has("seconds") else None
    id, field = None, "message-id"
    match call.tag("id", ""):
        case "uniqueid":
            id = call.text("id")
        case "header":
            named = call.text("id").constant
            if named is None:
                raise Mistake("':header' takes no variables here")
            field = named
    return _Duplicate(call.constant("handle"), field, id, seconds, call.has("last"))


WORDS = (
    Word(
        "duplicate",
        _duplicate,
        tags=(
            Tag("handle", Takes.CONSTANT),
            Tag("header", Takes.STRING, group="id"),
            Tag("uniqueid", Takes.STRING, group="id"),
            Tag("seconds", Takes.NUMBER),
            Tag("last"),
        ),
        extension="duplicate",
        is_test=True,
    ),
)
