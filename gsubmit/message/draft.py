"""A message whose header can be edited before it leaves, and whose content can be replaced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gsubmit.message.body import BLOCK, MessageBody
from gsubmit.message.fields import Field, split_header
from gsubmit.message.parts import MAX_HEADER

_EMPTY_LINE = b"\r\n"


class HeaderTooLong(Exception):
    """The header has more octets than anybody looks into."""


class BadField(ValueError):
    """What was to become a field is none; the text says why."""


class Draft:
    """A Content that reads like the body it is made of, octet for octet, until something is edited; closes it too.

    `fields` are split when somebody asks for them, and shared: an edit makes others. What an edit does not touch keeps
    its octets and its place.
    """

    __slots__ = (
        *("_content", "_contents", "_fields", "_header", "_start"),
        *("body", "directory", "is_edited", "size"),
    )

    def __init__(self, body: MessageBody) -> None:
        self.directory = body.directory
        self.body = body  # as it came
        self.is_edited = False  # whether it differs from the body
        self.size = body.size
        self._fields: tuple[Field, ...] | None = None
        self._header = b""  # the header as it goes out, with its empty line, where anything was edited
        self._start = 0  # of the content in the body, behind the empty line
        self._content: MessageBody | None = None  # instead of that in the body
        self._contents: list[MessageBody] = []  # all that were put in its place

    # Reading

    @property
    def has_8bit(self) -> bool:
        """Whether any octet may be above 127."""
        content = self.body if self._content is None else self._content
        return content.has_8bit or not self._header.isascii()

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` octets from `offset`; empty at the end."""
        if not self.is_edited:
            return self.body.read(offset, size)
        beginning = self._header[offset : offset + size]
        if len(beginning) == size:
            return beginning
        return beginning + self._read_rest(max(offset - len(self._header), 0), size - len(beginning))

    def _read_rest(self, offset: int, size: int) -> bytes:
        if self._content is not None:
            return self._content.read(offset, size)
        return self.body.read(self._start + offset, size)

    def blocks(self) -> Iterator[bytes]:
        """All of it from its start."""
        if not self.is_edited:
            yield from self.body.blocks()
            return
        if self.size <= BLOCK:
            yield self._header + self._read_rest(0, BLOCK)
            return
        yield self._header
        yield from self.rest()

    def rest(self) -> Iterator[bytes]:
        """The content behind the header's empty line."""
        _ = self.fields  # they say where that begins
        at = 0
        while block := self._read_rest(at, BLOCK):
            at += len(block)
            yield block

    def head(self) -> bytes:
        """The header with the empty line after it, or the first block of a header as it came that is longer."""
        return self._header if self.is_edited else self.body.head()

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields as they are now. Raises HeaderTooLong."""
        return self._split() if self._fields is None else self._fields

    def _split(self) -> tuple[Field, ...]:
        head = self.body.head()
        if len(head) == BLOCK < self.body.size:  # there is more of it
            head = self.body.read(0, MAX_HEADER)
            end = head.find(2 * _EMPTY_LINE)
            if end < 0 and len(head) < self.body.size:
                raise HeaderTooLong
            head = head if end < 0 else head[: end + 2 * len(_EMPTY_LINE)]
        self._start = len(head)
        self._fields = fields = tuple(split_header(head))
        return fields

    @property
    def start(self) -> int:
        """Where the content begins in the body, behind the empty line. Raises HeaderTooLong."""
        _ = self.fields
        return self._start

    @property
    def has_own_content(self) -> bool:
        """Whether what follows the header is another than in the body."""
        return self._content is not None

    # Editing

    def edit(self, fields: Sequence[Field]) -> None:
        """These are the fields from now on. Raises HeaderTooLong."""
        if self._fields is None:
            self._split()  # which says where the content begins
        self._fields = tuple(fields)
        self._header = b"".join([field.octets for field in self._fields]) + _EMPTY_LINE
        rest = self.body.size - self._start if self._content is None else self._content.size
        self.size = len(self._header) + rest
        self.is_edited = True

    def prepend(self, field: Field) -> None:
        """At the top, as trace fields are (HDR-8)."""
        self.edit((field, *self.fields))

    def append(self, *fields: Field) -> None:
        """At the end of the header, where nothing is put in the middle of a block of others (HDR-8)."""
        self.edit((*self.fields, *fields))

    def replace(self, index: int, field: Field) -> None:
        """Another field in the place of one."""
        self.edit((*self.fields[:index], field, *self.fields[index + 1 :]))

    def replace_content(self, content: MessageBody) -> None:
        """What comes after the header from now on; it is closed with the draft. Raises HeaderTooLong."""
        fields = self.fields
        self._contents.append(content)
        self._content = content
        self.edit(fields)

    # Edits of one's own

    def fork(self) -> Draft:
        """The same message, for edits of its own: `adopt` takes them over, `drop` forgets them."""
        fork = Draft(self.body)
        fork._take(self)
        return fork

    def adopt(self, fork: Draft) -> None:
        """All that was edited in a fork."""
        self._take(fork)
        self._contents += fork._contents

    def drop(self) -> None:
        """Give back what was made for the edits of a fork."""
        for content in self._contents:
            content.close()

    def _take(self, other: Draft) -> None:
        self.is_edited, self.size = other.is_edited, other.size
        self._fields, self._header = other._fields, other._header
        self._start, self._content = other._start, other._content

    def close(self) -> None:
        """Give memory and files back."""
        self.body.close()
        if self._contents:
            self.drop()
