"""Which header fields a test looks at: of the message or of its parts (RFC 5703 4), all or one (RFC 5260 6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gsubmit.sieve.call import Call
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.machine import Machine, by_name
from gsubmit.sieve.mail import Field, Part


@dataclass(frozen=True, slots=True)
class Where:
    """`index` 0: all fields; below: from the last one backwards."""

    index: int = 0
    is_mime: bool = False
    with_children: bool = False

    def fields(self, machine: Machine, names: Sequence[str]) -> Sequence[Field]:
        """The fields of these names, in the order of the names. Raises Mistake."""
        if not self.is_mime:
            fields = machine.fields
            found: list[Field] = []
            for name in names:
                found += fields(name.strip())
                machine.work(1 + len(found))  # a name may stand there often
        else:
            found = [field for part in self._parts(machine) for field in _named(machine, part, names)]
        return indexed(found, self.index)

    def _parts(self, machine: Machine) -> Iterator[Part]:
        part = machine.part or machine.mail
        return walk(machine, part) if self.with_children else iter((part,))


ANYWHERE = Where()


def indexed(found: Sequence[Field], index: int) -> Sequence[Field]:
    """All of them, or the one that is meant, if there is one."""
    if not index:
        return found
    at = index - 1 if index > 0 else len(found) + index
    return found[at : at + 1] if at >= 0 else ()


def walk(machine: Machine, part: Part) -> Iterator[Part]:
    """A part and all within it, in the order in which they stand. Raises Mistake."""
    waiting = [part]
    while waiting:
        machine.work()
        here = waiting.pop()
        yield here
        waiting += reversed(here.parts)


def _named(machine: Machine, part: Part, names: Sequence[str]) -> Iterator[Field]:
    machine.work(1 + len(part.fields) // 8)
    fields = by_name(part, machine.world.pause)
    for name in names:
        machine.work()
        yield from fields.get(name.strip().lower(), ())


def where(call: Call) -> Where:
    """What a test's tags say. Raises Mistake."""
    index = index_of(call)
    if not call.has("mime") and (call.has("anychild") or call.has("mime-option")):
        raise Mistake("':anychild' and the other words for parts need ':mime'")
    return Where(index, call.has("mime"), call.has("anychild")) if index or call.has("mime") else ANYWHERE


def index_of(call: Call) -> int:
    """The number of the one field that is meant, negative from the last one backwards; 0: all. Raises Mistake."""
    if call.has("last") and not call.has("index"):
        raise Mistake("':last' needs ':index'")
    if call.has("index") and not call.number("index"):
        raise Mistake("':index' begins at 1")
    return -call.number("index") if call.has("last") else call.number("index")
