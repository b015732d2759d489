"""The parts of a message as scripts see them: where they are, read and decoded when somebody asks for them."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from gsubmit.fairness import let_others_run
from gsubmit.message import fields, parts
from gsubmit.message.body import BLOCK
from gsubmit.message.charset import cleaned, codec_of
from gsubmit.message.content import Content, between
from gsubmit.message.fault import CannotConvert
from gsubmit.message.fields import IDENTITIES, UNKNOWN_ENCODING, parameter, split_header, type_name
from gsubmit.message.transferencoding import from_base64, from_quoted_printable
from gsubmit.scripts.field import Field

MAX_KEPT = 2 << 20  # octets and characters of decoded content that are kept of one message
_DECODERS = {b"base64": from_base64, b"quoted-printable": from_quoted_printable}
_GROWTH = 4  # octets of quoted-printable for one that it encodes, at most: more is padding that means nothing
_DEFAULT_TYPE = "text/plain"  # RFC 2045 5.2

_Made = TypeVar("_Made", bytes, str)


class Memory:
    """The message, and what was decoded of it: several tests may ask for the same."""

    __slots__ = ("_kept", "_room", "message")

    def __init__(self, message: Content) -> None:
        self.message = message
        self._kept: dict[object, bytes | str] = {}
        self._room = MAX_KEPT

    def once(self, kind: type[_Made], key: object, make: Callable[[], _Made]) -> _Made:
        """What was made for this key, or is made now."""
        found = self._kept.get(key)
        if isinstance(found, kind):
            return found
        made = make()
        if len(made) <= self._room:
            self._room -= len(made)
            self._kept[key] = made
        return made


class Part:
    """A sieve.mail.Part. `start` and `end` are those of its content in the message, in octets."""

    __slots__ = ("_encoding", "_fields", "_memory", "end", "header", "media", "parts", "start", "stretches")

    def __init__(self, memory: Memory, media: bytes, encoding: bytes, header: tuple[int, int]) -> None:
        self._memory = memory
        self.media = media  # empty where readers may differ about it
        self._encoding = encoding
        self.header = header
        self._fields: tuple[Field, ...] | None = None
        self.start = self.end = header[1]
        self.parts: list[Part] = []
        self.stretches: list[tuple[int, int]] = []  # of a multipart, before its first part and after its last

    @property
    def fields(self) -> Sequence[Field]:
        """Its header in order, without lines that are no fields."""
        if self._fields is None:
            self._fields = shown(split_header(first(between(self._memory.message, *self.header), parts.MAX_HEADER)))
        return self._fields

    @property
    def type(self) -> str:
        """Its media type in lower case."""
        return self.media.decode("ascii") or type_name(self._content_type).decode("ascii") or _DEFAULT_TYPE

    @property
    def _content_type(self) -> bytes:
        return next((field.original.value for field in self.fields if field.name == "content-type"), b"")

    def content(self, size: int, *, decoded: bool = True) -> bytes:
        """What follows its header, that of all its parts too; up to `size` octets, decoded where that is possible."""
        if not decoded or self.parts or self._encoding in IDENTITIES:
            return first(between(self._memory.message, self.start, self.end), size)
        decoder = _DECODERS.get(self._encoding)
        if decoder is None:
            return b""
        end = min(self.end, self.start + _GROWTH * size + BLOCK)
        blocks = between(self._memory.message, self.start, end)
        return self._memory.once(bytes, (self.header, size), lambda: first(decoder(blocks), size))

    def text(self, size: int) -> str:
        """The decoded content in Unicode, made from up to `size` octets; Latin-1 is what is in no charset of ours."""
        return self._memory.once(str, (self.header, size, "text"), lambda: self._text(size))

    def _text(self, size: int) -> str:
        octets = self.content(size)
        codec = codec_of(parameter(self._content_type, b"charset").decode("latin-1"))
        errors = "replace"
        if codec is None or codec == "ascii":
            codec, errors = "utf-8", "strict"
        try:
            return "".join(_in_unicode(octets, codec, errors))
        except UnicodeError:  # of UTF-16 without its first mark too
            return octets.decode("latin-1")

    def around(self, size: int) -> tuple[bytes, ...]:
        """Of a multipart, what it has before its first part and after its last: up to `size` octets of each."""
        message = self._memory.message
        return tuple(first(between(message, start, end), size) for start, end in self.stretches)


def shown(found: Iterable[fields.Field]) -> tuple[Field, ...]:
    """What scripts see of a header: lines that are no fields are not there."""
    return tuple(Field(one) for one in found if one.name)


def walk(message: Content) -> Part:
    """The message as a part with all its parts.

    Where it has more of them than anybody looks into, it is one part that cannot be decoded.
    """
    memory = Memory(message)
    found: dict[parts.Part, Part] = {}
    try:
        for kind, part, start, end, _ in parts.segments(message):
            if kind is parts.Kind.HEADER:
                found[part] = Part(memory, part.type, part.encoding, (start, end))
                if part.parent is not None:
                    found[part.parent].parts.append(found[part])
            elif kind is parts.Kind.AROUND:
                found[part].stretches.append((start, end))
            _extend(found, part, end)
    except CannotConvert:
        root = next(iter(found.values()), Part(memory, b"", UNKNOWN_ENCODING, (0, 0)))
        return Part(memory, root.media, UNKNOWN_ENCODING, root.header)
    return next(iter(found.values()))


def _extend(found: dict[parts.Part, Part], part: parts.Part | None, end: int) -> None:
    """A part, and those around it, go on to there."""
    while part is not None:
        found[part].end = end
        part = part.parent


def first(blocks: Iterable[bytes], size: int) -> bytes:
    """The first octets, and no block more than they need."""
    kept, left = [], size
    for block in blocks:
        if block:
            kept.append(block[:left])
            left -= len(kept[-1])
        if left <= 0:
            break
    return b"".join(kept)


def _in_unicode(octets: bytes, codec: str, errors: str) -> Iterator[str]:
    """The characters, without one that may have been cut at the end."""
    decoder = codecs.getincrementaldecoder(codec)(errors)
    for at in range(0, len(octets), BLOCK):
        let_others_run()
        yield cleaned(decoder.decode(octets[at : at + BLOCK]))
