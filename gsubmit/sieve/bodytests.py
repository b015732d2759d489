"""body (RFC 5173)."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gsubmit.sieve.call import Call
from gsubmit.sieve.machine import Machine, Test
from gsubmit.sieve.mail import Part
from gsubmit.sieve.matching import Match, match_of
from gsubmit.sieve.parttext import part_text, was_read
from gsubmit.sieve.strings import Texts
from gsubmit.sieve.where import walk
from gsubmit.sieve.words import MATCH_TAGS, Tag, Takes, Word

_EMPTY_LINE = b"\r\n\r\n"
_SLICE = 1 << 14  # octets at a time: some milliseconds where none is UTF-8
_Utf8 = codecs.getincrementaldecoder("utf-8")


@dataclass(frozen=True, slots=True)
class _Body:
    match: Match[Any]
    transform: str
    types: Texts | None

    def holds(self, machine: Machine) -> bool:
        return self.match.any(machine, self._values(machine))

    def _values(self, machine: Machine) -> Iterator[str]:
        size = machine.limits.part_size
        if not machine.mail.has_content:
            return
        if self.transform == "raw":
            yield _text(machine, machine.mail.content(size, decoded=False))
            return
        types = self.types.of(machine) if self.types is not None else ("text",)
        for part in walk(machine, machine.mail):
            if any(is_of(part.type, wanted.lower()) for wanted in types):
                yield from _texts(machine, part, size, without_tags=self.transform == "text")


def is_of(type: str, wanted: str) -> bool:
    """Whether a media type is the wanted one, or of the wanted kind; empty is any."""
    if wanted.startswith("/") or wanted.endswith("/") or wanted.count("/") > 1:
        return False
    return not wanted or type == wanted or type.partition("/")[0] == wanted


def _texts(machine: Machine, part: Part, size: int, *, without_tags: bool) -> Iterator[str]:
    """What a part has of its own (RFC 5173 5.2)."""
    if part.type.startswith("multipart/"):
        for octets in part.around(size):
            yield _text(machine, octets)
    elif part.type == "message/rfc822" and part.parts:
        octets = part.content(size)
        was_read(machine, len(octets))
        yield _text(machine, octets.partition(_EMPTY_LINE)[0] + b"\r\n")
    elif part.type.startswith("text/"):
        yield part_text(machine, part, without_tags=without_tags)
    else:
        yield _text(machine, part.content(size))


def _text(machine: Machine, octets: bytes) -> str:
    was_read(machine, len(octets))
    decoder = _Utf8("surrogateescape")
    pieces = []
    for at in range(0, len(octets), _SLICE):
        pieces.append(decoder.decode(octets[at : at + _SLICE]))
        machine.world.pause()
    return "".join([*pieces, decoder.decode(b"", final=True)])


def _body(call: Call) -> Test:
    transform = call.tag("transform", "text")
    match = match_of(call)
    match.sets_matches = False  # RFC 5173 6
    return _Body(match, transform, call.texts("transform") if transform == "content" else None)


WORDS = (
    Word(
        "body",
        _body,
        (("keys", Takes.STRINGS),),
        (
            *MATCH_TAGS,
            Tag("raw", group="transform"),
            Tag("content", Takes.STRINGS, group="transform"),
            Tag("text", group="transform"),
        ),
        extension="body",
        is_test=True,
    ),
)
