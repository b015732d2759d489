"""A message that goes out, as scripts see and edit it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from gsubmit.fairness import let_others_run
from gsubmit.message import fields
from gsubmit.message.draft import Draft
from gsubmit.message.newfield import BadField, new_field
from gsubmit.message.parts import MAX_HEADER
from gsubmit.scripts.field import Field
from gsubmit.scripts.parts import Part, first, walk
from gsubmit.sieve import mail

_STAYING = frozenset({"received", "auto-submitted", "dkim-signature", "return-path"})  # RFC 5293 6 names the first two
_SERVERS = frozenset({"dkim-signature", "return-path"})  # no script adds one
_AUTHORS = frozenset({"from", "sender"})  # only administrators' scripts add and delete them
_STRIDE = 100  # fields that are looked at before others run
MAX_WORK = 500_000  # fields, by all edits together, each of which makes the header anew


class DraftMail:
    """A sieve.mail.Mail over a draft, which has each edit at once: a fork can be dropped when the script fails.

    An edit that is not allowed is passed over in silence (RFC 5293 6). `may_change_authors` is for administrators'
    scripts, `is_utf8` for internationalized messages (RFC 6532), which may have what cannot be encoded.
    """

    __slots__ = ("_all", "_draft", "_fields", "_is_utf8", "_original", "_whole", "_work", "may_change_authors")

    def __init__(self, draft: Draft, *, may_change_authors: bool = False, is_utf8: bool = False) -> None:
        """Raises HeaderTooLong; nothing else does."""
        self._all = _seen(draft.fields)  # lines that are no fields too
        self._fields: tuple[Field, ...] | None = None
        self._draft = draft
        self._original = draft.fork()  # whose parts are looked at
        self._whole: Part | None = None
        self._work = 0  # fields written by edits
        self._is_utf8 = is_utf8
        self.may_change_authors = may_change_authors

    @property
    def size(self) -> int:
        """Octets as it is now."""
        return self._draft.size

    @property
    def has_content(self) -> bool:
        """Whether it came with more than a header, be it an empty line."""
        head = self._original.head()
        return self._original.size > len(head) or head.endswith(b"\r\n\r\n") or head == b"\r\n"

    # Header

    @property
    def fields(self) -> Sequence[Field]:
        """The header as it is now, in order, without lines that are no fields."""
        if self._fields is None:
            self._fields = tuple(field for field in self._all if field.name)
        return self._fields

    def add_field(self, name: str, value: str, *, last: bool) -> None:
        """At the top, or at the end. Raises ValueError for what cannot be a field, or is too much."""
        field = Field(new_field(name, value, is_utf8=self._is_utf8))
        if field.name in _SERVERS or (field.name in _AUTHORS and not self.may_change_authors):
            return
        self._edit((*self._all, field) if last else (field, *self._all))

    def delete_fields(self, fields: Collection[mail.Field]) -> None:
        """These are gone, but for those that stay."""
        gone = set(map(id, fields))
        left = tuple(field for field in self._all if id(field) not in gone or self._stays(field))
        if len(left) < len(self._all):
            self._edit(left)

    def _stays(self, field: Field) -> bool:
        return field.name in _STAYING or (field.name in _AUTHORS and not self.may_change_authors)

    def _edit(self, fields: tuple[Field, ...]) -> None:
        let_others_run()
        self._work += len(fields)
        if self._work > MAX_WORK:
            raise BadField("too many changes of the header")
        if sum(len(field.original.octets) for field in fields) > MAX_HEADER:
            raise BadField("the header gets too long")
        let_others_run()
        self._draft.edit([field.original for field in fields])
        self._all, self._fields = fields, None

    # Content, which no edit changes

    @property
    def _root(self) -> Part:
        if self._whole is None:
            self._whole = walk(self._original)
        return self._whole

    @property
    def type(self) -> str:
        """The media type that it came with."""
        return self._root.type

    @property
    def parts(self) -> Sequence[mail.Part]:
        """Its parts, or the message in it."""
        return self._root.parts

    def content(self, size: int, *, decoded: bool = True) -> bytes:
        """What follows the header; up to `size` octets. Not decoded it is there whatever the message is made of."""
        return self._root.content(size) if decoded else first(self._original.rest(), size)

    def text(self, size: int) -> str:
        """The decoded content in Unicode, made from up to `size` octets."""
        return self._root.text(size)

    def around(self, size: int) -> Sequence[bytes]:
        """Of a multipart, what it has before its first part and after its last: up to `size` octets of each."""
        return self._root.around(size)


def _seen(found: Sequence[fields.Field]) -> tuple[Field, ...]:
    seen = []
    for at, field in enumerate(found):
        if at % _STRIDE == _STRIDE - 1:
            let_others_run()
        seen.append(Field(field))
    return tuple(seen)
