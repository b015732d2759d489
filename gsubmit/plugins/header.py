"""The header of a message, as plugins read and change it."""

from __future__ import annotations

from collections.abc import Iterator

from gsubmit.message.draft import Draft
from gsubmit.message.encodedword import decoded
from gsubmit.message.fields import Field
from gsubmit.message.newfield import new_field

KEPT = frozenset({b"received", b"dkim-signature", b"return-path"})


class Header:
    """The fields in order. Names are compared without regard to case; what is read is decoded text."""

    __slots__ = ("_draft", "_may_edit")

    def __init__(self, draft: Draft, *, may_edit: bool = False) -> None:
        self._draft = draft
        self._may_edit = may_edit

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter([(_written(field), decoded(field)) for field in self._draft.fields if field.name])

    def get(self, name: str, default: str = "") -> str:
        """The text of the first field of this name."""
        places = self._places(name)
        return decoded(self._draft.fields[places[0]]) if places else default

    def all(self, name: str) -> list[str]:
        """The texts of all fields of this name."""
        return [decoded(self._draft.fields[at]) for at in self._places(name)]

    def raw(self, name: str) -> bytes:
        """The first field of this name with its folding, as it is in the message; empty when there is none."""
        return next((self._draft.fields[at].octets for at in self._places(name)), b"")

    def prepend(self, name: str, text: str) -> None:
        """A field at the top. ValueError for what cannot be one, as in all that follow."""
        self._edited().prepend(new_field(name, text))

    def append(self, name: str, text: str) -> None:
        """A field at the end."""
        self._edited().append(new_field(name, text))

    def replace(self, name: str, text: str, which: int = 0) -> None:
        """Another text for a field, by default the first of its name; where there is none, it is appended."""
        field, places = new_field(name, text), self._places(name)
        _check_may_go(field.name)
        if not places:
            self._edited().append(field)
        else:
            self._edited().replace(places[which], field)

    def remove(self, name: str, which: int | None = None) -> None:
        """One field of this name, or all."""
        places = self._places(name)
        _check_may_go(name.lower().encode("ascii", "replace"))
        gone = set(places if which is None else [places[which]])
        if gone:
            draft = self._edited()
            draft.edit([field for at, field in enumerate(draft.fields) if at not in gone])

    def _places(self, name: str) -> list[int]:
        octets = name.lower().encode("ascii", "replace")
        return [at for at, field in enumerate(self._draft.fields) if field.name == octets]

    def _edited(self) -> Draft:
        if not self._may_edit:
            raise RuntimeError("a message can be changed at the moment `message` only")
        return self._draft


def _check_may_go(name: bytes) -> None:
    if name in KEPT:
        raise ValueError(f"{name.decode('ascii')} stays as it is")


def _written(field: Field) -> str:
    return field.octets.partition(b":")[0].decode("latin-1").rstrip()
