"""duplicate (RFC 7352)."""

from __future__ import annotations

from dataclasses import dataclass

from gsubmit.sieve.call import Call
from gsubmit.sieve.machine import Machine, Test
from gsubmit.sieve.result import Tracked
from gsubmit.sieve.strings import Text
from gsubmit.sieve.words import Tag, Takes, Word


@dataclass(frozen=True, slots=True)
class _Duplicate:
    handle: Text
    id: Text
    is_in_field: bool  # of which `id` is the name
    seconds: int | None
    last: bool

    def holds(self, machine: Machine) -> bool:
        id = self._id(machine)
        if id is None or self.seconds == 0:  # RFC 7352 3.3
            return False
        id = f"{self.handle.of(machine)}\0{id}"
        has_seen = machine.world.tracker.has_seen(id)
        if self.last or not has_seen:
            machine.result.track(Tracked(id, self.seconds), machine.limits)
        return has_seen

    def _id(self, machine: Machine) -> str | None:
        if not self.is_in_field:
            return self.id.of(machine)
        fields = machine.fields(self.id.of(machine))
        return fields[0].text if fields else None


def _duplicate(call: Call) -> Test:
    seconds = call.number("seconds") if call.has("seconds") else None
    handle = call.text("handle") if call.has("handle") else Text("")
    id = call.text("id") if call.has("id") else Text("message-id")
    return _Duplicate(handle, id, call.tag("id", "header") == "header", seconds, call.has("last"))


WORDS = (
    Word(
        "duplicate",
        _duplicate,
        tags=(
            Tag("handle", Takes.STRING),
            Tag("header", Takes.STRING, group="id"),
            Tag("uniqueid", Takes.STRING, group="id"),
            Tag("seconds", Takes.NUMBER),
            Tag("last"),
        ),
        extension="duplicate",
        is_test=True,
    ),
)
