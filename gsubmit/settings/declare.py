"""How settings are declared: type, default, what it is for, and whether its value is a secret.

A section is a dataclass whose fields are settings, or parts: sections within it. A setting has the name of its field,
behind the prefix of the part that it is in, so that one section serves `imap_urlauth_*` and a named block alike.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from gsubmit.settings.lines import quote
from gsubmit.settings.problem import NOWHERE, Place

T = TypeVar("T")

HIDDEN = "<hidden>"
_MEMBER = "member"  # of the dataclass field's metadata


@dataclass(frozen=True, slots=True)
class ValueType(Generic[T]):
    """A kind of value. `read` raises ValueError with a line that says what is expected; `show` undoes `read`."""

    read: Callable[[str], T]
    show: Callable[[T], str]
    # Whether the content of a `<path` is what is meant (a certificate), so that a bare path is a mistake.
    is_content: bool = False


@dataclass(frozen=True, slots=True)
class Declaration:
    """One setting as declared. `sentence` says what it is for, `more` what only the manual adds."""

    value_type: ValueType[Any]
    default: Any
    sentence: str
    more: str
    secret: bool

    def text(self, value: object) -> str:
        """Write a value as it stands in a configuration file, or HIDDEN."""
        if self.secret and value:
            return HIDDEN
        shown = self.value_type.show(value)
        if isinstance(value, FileContent) and value.path:
            return shown
        return quote(shown)

    @property
    def default_text(self) -> str:
        """The default as it would stand in a configuration file."""
        return self.text(self.default)


@dataclass(frozen=True, slots=True)
class Part:
    """A section within another, whose settings have a prefix there."""

    section: type[Any]
    prefix: str


def setting(value_type: ValueType[T], default: T, sentence: str, more: str = "", *, secret: bool = False) -> T:
    """Declare a setting; the result is the field of a dataclass. A secret is left out of the dataclass's repr."""
    metadata = {_MEMBER: Declaration(value_type, default, sentence, more, secret)}
    return dataclasses.field(default=default, repr=not secret, metadata=metadata)


def part(section: type[T], prefix: str = "") -> T:
    """Declare the settings of another section within one; the result is the field of a dataclass."""
    field: T = dataclasses.field(default_factory=section, metadata={_MEMBER: Part(section, prefix)})
    return field


def members(section: Any) -> Iterator[tuple[str, Declaration | Part]]:
    """The settings and parts of a section, or of its class, by their fields."""
    fields = dataclasses.fields(section)
    return ((field.name, field.metadata[_MEMBER]) for field in fields if _MEMBER in field.metadata)


def declarations(section: type[Any], prefix: str = "") -> dict[str, Declaration]:
    """The settings of a section with those of its parts, by name, in the order of declaration."""
    declared: dict[str, Declaration] = {}
    for field, member in members(section):
        if isinstance(member, Part):
            declared |= declarations(member.section, prefix + member.prefix)
        else:
            declared[prefix + field] = member
    return declared


def values(section: Any, prefix: str = "") -> dict[str, Any]:
    """The values that a section has, by the names of its `declarations`."""
    found: dict[str, Any] = {}
    for field, member in members(section):
        value = getattr(section, field)
        found |= values(value, prefix + member.prefix) if isinstance(member, Part) else {prefix + field: value}
    return found


class FileContent(str):
    """The content of a file. `path` tells where it was read, or is None when it stood in the configuration itself.

    `place` is where its setting stands.
    """

    __slots__ = ("path", "place")
    path: Path | None
    place: Place

    def __new__(cls, text: str = "", path: Path | None = None, place: Place = NOWHERE) -> FileContent:
        """Make it from the content and, if it was read from a file, the file."""
        content = super().__new__(cls, text)
        content.path = path
        content.place = place
        return content


NO_CONTENT = FileContent()
