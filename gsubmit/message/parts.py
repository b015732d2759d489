"""The walk over the MIME structure of a message, in one pass: headers, contents and delimiters with their offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from gsubmit.message.content import Content
from gsubmit.message.cursor import Cursor
from gsubmit.message.fault import CannotConvert
from gsubmit.message.fields import IDENTITIES, MediaType, media_type, split_header, transfer_encoding
from gsubmit.message.survey import Findings, Survey

MAX_DEPTH = 50  # parts within parts
MAX_PARTS = 1000
MAX_HEADER = 256 * 1024  # octets of the header of one part
MAX_HEADERS = 4 * 1024 * 1024  # octets of all headers: they cost a hundred times what content costs
# Opaque in transit (RFC 1847 2.1, 2.2), or 7bit by definition (RFC 2046 5.2.3).
_SEALED = (b"multipart/signed", b"multipart/encrypted", b"message/external-body")
MAX_SHOWN = 40  # octets of a label, for people
_UNSAFE = re.compile(r"[^ -~]")
_MESSAGES = (b"message/rfc822", b"message/external-body")


@dataclass(eq=False, slots=True)
class Part:
    """A part: the message itself, a part of a multipart, or a message in a part."""

    parent: Part | None
    depth: int
    number: str  # as in IMAP (RFC 9051 6.4.5.1); a message in a part has the number of that part
    type: bytes
    encoding: bytes  # what transfer_encoding() makes of its label
    label: str  # how that began, for people
    boundary: bytes  # of a multipart, or empty
    is_message: bool  # a header of its own: MIME-Version counts
    has_version: bool  # MIME-Version is there
    has_type: bool  # Content-Type is there
    is_broken: bool  # readers may differ about its header
    children: int = 0  # parts of a multipart that have begun
    is_divided: bool = False  # a multipart in which a part begins

    @property
    def holds_message(self) -> bool:
        """Whether its content is a message to descend into (RFC 2046 5.2.1)."""
        return self.type in _MESSAGES and self.encoding in IDENTITIES and not self.is_broken

    @property
    def is_container(self) -> bool:
        """Whether it is of a type that holds parts or a message, which has no encoding of its own (RFC 2045 6.4)."""
        return self.type.startswith((b"multipart/", b"message/"))

    @property
    def place(self) -> str:
        """Where it is, for people."""
        if self.is_message:
            return "the message in part " + self.number if self.number else "the message"
        return f"part {self.number}"

    @property
    def seals(self) -> bool:
        """Whether nothing within it may change: a signature covers it, or its header is not what a container has.

        The delimiter lines that divide a multipart show that it is not encoded, whatever its label says.
        """
        is_encoded = self.encoding not in IDENTITIES and not self.is_divided
        return self.type in _SEALED or is_encoded or self.is_broken

    @property
    def sealer(self) -> Part | None:
        """The innermost part around it that seals."""
        outer = self.parent
        while outer is not None and not outer.seals:
            outer = outer.parent
        return outer

    @property
    def is_sealed(self) -> bool:
        """Whether it lies within a part that seals."""
        return self.sealer is not None


class Kind(Enum):
    """What a segment is of its part. AROUND is what a multipart has before its first part and after its last."""

    HEADER = auto()
    CONTENT = auto()
    AROUND = auto()
    DELIMITER = auto()


class Segment(NamedTuple):
    """The octets from `start` to `end`. The segments of a message follow each other without gaps."""

    kind: Kind
    part: Part
    start: int
    end: int
    findings: Findings


_NOTHING_FOUND = Survey().findings()


def segments(source: Content) -> Iterator[Segment]:
    """All of a message from its start. Raises CannotConvert where a limit above is passed."""
    return _Walk(source).run()


class _Walk:
    __slots__ = ("_count", "_cursor", "_delimiters", "_header_octets", "_open")

    def __init__(self, source: Content) -> None:
        self._cursor = Cursor(source)
        self._count = 0
        self._header_octets = 0
        self._open: list[Part] = []  # the multiparts around the cursor
        self._delimiters: dict[bytes, tuple[Part, bool]] = {}  # a line to its multipart, and whether that ends

    def run(self) -> Iterator[Segment]:
        parent: Part | None = None
        while True:
            segment = self._header(parent)
            yield segment
            part = segment.part
            if part.holds_message:
                parent = part
                continue
            if part.boundary:
                self._set_open([*self._open, part])
            segment, line = self._content(part)
            yield segment
            multipart, ends = self._delimiters.get(line, (None, False))
            while multipart is not None and ends:
                self._set_open(self._open[: self._open.index(multipart)])
                yield self._delimiter(multipart)
                segment, line = self._content(multipart)
                yield segment._replace(kind=Kind.AROUND)
                multipart, ends = self._delimiters.get(line, (None, False))
            if multipart is None:
                return
            self._set_open(self._open[: self._open.index(multipart) + 1])
            yield self._delimiter(multipart)
            parent = multipart

    def _set_open(self, multiparts: list[Part]) -> None:
        self._open = multiparts
        self._delimiters = {}
        for part in multiparts:  # of two with the same boundary, the inner one is meant
            self._delimiters[b"--" + part.boundary] = (part, False)
            self._delimiters[b"--" + part.boundary + b"--"] = (part, True)

    def _header(self, parent: Part | None) -> Segment:
        start = self._cursor.offset
        header = self._cursor.header(self._delimiters, MAX_HEADER)
        if len(header) > MAX_HEADER:
            raise CannotConvert("a header is too long")
        survey = Survey()
        survey.feed(header)
        findings = survey.findings()
        part = _part(parent, header)
        part.is_broken = part.is_broken or findings.has_odd_octets
        self._count += 1
        self._header_octets += len(header)
        if part.depth > MAX_DEPTH or self._count > MAX_PARTS:
            raise CannotConvert("too many parts")
        if self._header_octets > MAX_HEADERS:
            raise CannotConvert("the headers are too long")
        return Segment(Kind.HEADER, part, start, self._cursor.offset, findings)

    def _content(self, part: Part) -> tuple[Segment, bytes]:
        """What comes before the next delimiter line, and that line."""
        start = self._cursor.offset
        survey = Survey()
        line = self._cursor.skip(self._delimiters, survey)
        multipart, ends = self._delimiters.get(line, (None, False))
        part.is_divided = part.is_divided or (multipart is part and not ends)
        kind = Kind.AROUND if part.is_divided else Kind.CONTENT
        return Segment(kind, part, start, self._cursor.offset, survey.findings()), line

    def _delimiter(self, part: Part) -> Segment:
        """The delimiter line that the cursor stands at, with the CRLF before it (RFC 2046 5.1.1)."""
        start = self._cursor.offset
        self._cursor.take_delimiter()
        return Segment(Kind.DELIMITER, part, start, self._cursor.offset, _NOTHING_FOUND)


def _part(parent: Part | None, header: bytes) -> Part:
    found = split_header(header)
    names = [one.name for one in found]
    types = [one.value for one in found if one.name == b"content-type"]
    encodings = [one.value for one in found if one.name == b"content-transfer-encoding"]
    is_digest = parent is not None and parent.type == b"multipart/digest"  # RFC 2046 5.1.5
    media = MediaType(b"message/rfc822" if is_digest else b"text/plain", b"")
    if types:
        media = media_type(types[0]) or MediaType(b"", b"")
    meanings = {transfer_encoding(value) for value in encodings} or {IDENTITIES[0]}
    is_certain = len(meanings) == 1 or meanings.issubset(IDENTITIES)
    is_message = parent is None or parent.holds_message
    return Part(
        parent=parent,
        depth=parent.depth + 1 if parent is not None else 1,
        number=_number(parent, is_message=is_message),
        type=media.name,
        encoding=max(meanings),  # the wider one of two identities
        label=_UNSAFE.sub("?", encodings[0][:MAX_SHOWN].decode("latin-1")).strip() if encodings else "",
        boundary=media.boundary,
        is_message=is_message,
        has_version=b"mime-version" in names,
        has_type=bool(types),
        is_broken=not media.name or b"" in names or len(set(types)) > 1 or not is_certain,
    )


def _number(parent: Part | None, *, is_message: bool) -> str:
    if parent is None or is_message:
        return parent.number if parent is not None else ""
    parent.children += 1
    return f"{parent.number}.{parent.children}".removeprefix(".")
