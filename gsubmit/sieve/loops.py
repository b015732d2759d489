"""foreverypart, break and extracttext (RFC 5703)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gsubmit.sieve.call import Call
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.machine import Block, Command, Machine
from gsubmit.sieve.parttext import part_text
from gsubmit.sieve.references import Place, place_of
from gsubmit.sieve.variables import MODIFIER_TAGS, Modifier, modified, modifiers
from gsubmit.sieve.where import walk
from gsubmit.sieve.words import Tag, Takes, Word


class _Break(Exception):
    """The end of a loop; without a name, of the innermost."""

    def __init__(self, name: str) -> None:
        self.name = name


@dataclass(frozen=True, slots=True)
class _ForEveryPart:
    name: str
    block: Block

    def run(self, machine: Machine) -> None:
        outer = machine.part
        if machine.loops >= machine.limits.loop_depth:  # those of included scripts count
            raise Mistake(f"more than {machine.limits.loop_depth} loops within each other")
        machine.loops += 1
        parts = walk(machine, machine.mail if outer is None else outer)
        if outer is not None:
            next(parts)  # of a part, those within it
        try:
            for part in parts:
                machine.part = part
                self.block.run(machine)
        except _Break as error:
            if error.name not in ("", self.name):
                raise
        finally:
            machine.part = outer
            machine.loops -= 1


@dataclass(frozen=True, slots=True)
class _BreakCommand:
    name: str

    def run(self, machine: Machine) -> None:
        raise _Break(self.name)


@dataclass(frozen=True, slots=True)
class _ExtractText:
    place: Place
    first: int | None  # characters; None: all
    modifiers: Sequence[Modifier]

    def run(self, machine: Machine) -> None:
        part = machine.part
        assert part is not None
        text = ""
        if part.type.startswith("text/"):
            text = part_text(machine, part, without_tags=True)
        self.place.put(machine, modified(text[: self.first], self.modifiers, machine))


def _break(call: Call) -> Command:
    name = call.constant("name").lower()
    if not call.home.loops:
        raise Mistake("'break' outside of 'foreverypart'")
    if name and name not in call.home.loops:
        raise Mistake(f"there is no loop '{name[:40]}' around this 'break'")
    return _BreakCommand(name)


def _extracttext(call: Call) -> Command:
    if not call.home.has("variables"):
        raise Mistake("command 'extracttext' needs require \"variables\"")
    if not call.home.loops:
        raise Mistake("'extracttext' outside of 'foreverypart'")
    first = call.number("first") if call.has("first") else None
    return _ExtractText(place_of(call.home, call.constant("variable")), first, modifiers(call))


_NAME = Tag("name", Takes.CONSTANT)
WORDS = (
    Word(
        "foreverypart",
        lambda call: _ForEveryPart(call.constant("name").lower(), call.block),
        tags=(_NAME,),
        extension="foreverypart",
        has_block=True,
        is_loop=True,
    ),
    Word("break", _break, tags=(_NAME,), extension="foreverypart"),
    Word(
        "extracttext",
        _extracttext,
        (("variable", Takes.CONSTANT),),
        (*MODIFIER_TAGS, Tag("first", Takes.NUMBER)),
        extension="extracttext",
    ),
)
