"""addheader and deleteheader (RFC 5293)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gsubmit.sieve.call import Call
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.limits import Limits
from gsubmit.sieve.machine import Command, Machine
from gsubmit.sieve.mail import Field
from gsubmit.sieve.matching import Match, comparator_of, match_of
from gsubmit.sieve.strings import Text
from gsubmit.sieve.where import index_of, indexed
from gsubmit.sieve.words import MATCH_TAGS, Tag, Takes, Word

_NAME = re.compile(r"[!-9;-~]+")
_LINE_ENDS = re.compile(r"[\r\n]+")


@dataclass(frozen=True, slots=True)
class _Add:
    name: Text
    value: Text
    last: bool

    def run(self, machine: Machine) -> None:
        name = _checked(self.name.of(machine))
        value = _checked_value(self.value.of(machine), machine.limits)
        machine.tell(f"{name}: {value}")
        try:
            machine.mail.add_field(name, value, last=self.last)
        except ValueError as error:
            raise Mistake(f"{name} cannot be added: {error}") from None
        machine.header_has_changed()


@dataclass(frozen=True, slots=True)
class _Delete:
    name: Text
    index: int
    match: Match[Any] | None  # None: whatever the value is

    def run(self, machine: Machine) -> None:
        found = indexed(machine.fields(_checked(self.name.of(machine))), self.index)
        gone = found if self.match is None else _matching(machine, found, self.match)
        if not gone:
            return
        machine.tell(f"{len(gone)} fields are deleted")
        try:
            machine.mail.delete_fields(gone)
        except ValueError as error:
            raise Mistake(f"nothing can be deleted: {error}") from None
        machine.header_has_changed()


def _matching(machine: Machine, found: Sequence[Field], match: Match[Any]) -> Sequence[Field]:
    if match.counts:
        return found if match.any(machine, [field.text for field in found]) else ()
    return [field for field in found if match.any(machine, (field.text,))]


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Mistake(f"'{name[:40]}' cannot be the name of a header field")
    return name


def _checked_value(text: str, limits: Limits) -> str:
    text = text.strip()
    if len(text.encode("utf-8", "surrogateescape")) > limits.header_size:  # first: what follows is for short ones
        raise Mistake(f"the value of a header field has more than {limits.header_size} octets")
    if "\0" in text:
        raise Mistake("NUL in the value of a header field")
    lines = (line.strip(" \t") for line in _LINE_ENDS.split(text))
    return " ".join(line for line in lines if line)


def _add(call: Call) -> Command:
    name, value = call.text("name"), call.text("value")
    if name.constant is not None:
        _checked(name.constant)
    if value.constant is not None:
        _checked_value(value.constant, call.home.limits)
    return _Add(name, value, call.has("last"))


def _delete(call: Call) -> Command:
    name = call.text("name")
    if name.constant is not None:
        _checked(name.constant)
    comparator_of(call)  # it must be one, even where nothing is compared
    return _Delete(name, index_of(call), match_of(call) if call.has("keys") else None)


WORDS = (
    Word(
        "addheader",
        _add,
        (("name", Takes.STRING), ("value", Takes.STRING)),
        (Tag("last"),),
        extension="editheader",
    ),
    Word(
        "deleteheader",
        _delete,
        (("name", Takes.STRING), ("keys", Takes.STRINGS)),
        (*MATCH_TAGS, Tag("index", Takes.NUMBER), Tag("last")),
        extension="editheader",
        is_last_optional=True,
    ),
)
