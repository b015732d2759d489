"""The header of a message, as plugins read and change it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from gsubmit.message.draft import Draft
from gsubmit.message.encodedword import decoded
from gsubmit.message.fields import Field
from gsubmit.message.newfield import new_field

_LINE_ENDS = re.compile(r"[\r\n\0]+")
KEPT = frozenset({b"received", b"dkim-signature", b"return-path"})


class Drafted(Protocol):
    """What has a header: a message that somebody may edit."""

    @property
    def draft(self) -> Draft:
        """As it is now."""

    def own_draft(self) -> Draft:
        """The one that may be edited. RuntimeError when none may."""


class Header:
    """The fields in order. Names are compared without regard to case; what is read is decoded text.

    `is_utf8`: the message is an internationalized one (RFC 6532), which may have what cannot be encoded.
    """

    __slots__ = ("_is_utf8", "_mail")

    def __init__(self, mail: Drafted, *, is_utf8: bool = False) -> None:
        self._mail = mail
        self._is_utf8 = is_utf8

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter([(_written(field), _read(field)) for field in self._mail.draft.fields if field.name])

    def get(self, name: str, default: str = "") -> str:
        """The text of the first field of this name."""
        octets = name.lower().encode("ascii", "replace")
        for field in self._mail.draft.fields:
            if field.name == octets:
                return _read(field)
        return default

    def all(self, name: str) -> list[str]:
        """The texts of all fields of this name."""
        return [_read(self._mail.draft.fields[at]) for at in self._places(name)]

    def raw(self, name: str) -> bytes:
        """The first field of this name with its folding, as it is in the message; empty when there is none."""
        return next((self._mail.draft.fields[at].octets for at in self._places(name)), b"")

    def prepend(self, name: str, text: str) -> None:
        """A field at the top. ValueError for what cannot be one, as in all that follow."""
        self._mail.own_draft().prepend(self._made(name, text))

    def append(self, name: str, text: str) -> None:
        """A field at the end."""
        self._mail.own_draft().append(self._made(name, text))

    def replace(self, name: str, text: str, which: int = 0) -> None:
        """Another text for a field, by default the first of its name; where there is none, it is appended."""
        field, places = self._made(name, text), self._places(name)
        _check_may_go(field.name)
        if not places:
            self._mail.own_draft().append(field)
        else:
            self._mail.own_draft().replace(places[which], field)

    def remove(self, name: str, which: int | None = None) -> None:
        """One field of this name, or all."""
        places = self._places(name)
        _check_may_go(name.lower().encode("ascii", "replace"))
        gone = set(places if which is None else [places[which]])
        if gone:
            draft = self._mail.own_draft()
            draft.edit([field for at, field in enumerate(draft.fields) if at not in gone])

    def _made(self, name: str, text: str) -> Field:
        return new_field(name, text, is_utf8=self._is_utf8)

    def _places(self, name: str) -> list[int]:
        octets = name.lower().encode("ascii", "replace")
        return [at for at, field in enumerate(self._mail.draft.fields) if field.name == octets]


def _check_may_go(name: bytes) -> None:
    if name in KEPT:
        raise ValueError(f"{name.decode('ascii')} stays as it is")


def _read(field: Field) -> str:
    """In one line: encoded-words may have others in them, as those of whoever pipes `echo` into `base64` do."""
    return _LINE_ENDS.sub(" ", decoded(field))


def _written(field: Field) -> str:
    return field.octets.partition(b":")[0].decode("latin-1").rstrip()
