"""How commands and tests are declared: what each takes, which extension it is of, and what it becomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple

from gsubmit.sieve.call import Call
from gsubmit.sieve.errors import Mistake


class Takes(Enum):
    """A type of argument. A CONSTANT is a string without variables in it."""

    STRING = auto()
    STRINGS = auto()
    CONSTANT = auto()
    CONSTANTS = auto()
    NUMBER = auto()

    @property
    def is_list(self) -> bool:
        """Whether it may be a list of strings."""
        return self in (Takes.STRINGS, Takes.CONSTANTS)

    def __str__(self) -> str:
        return {Takes.NUMBER: "a number"}.get(self, "a list of strings" if self.is_list else "a string")


class Tag(NamedTuple):
    """`:name` with what follows it. Of one group there may be one; a tag without a group is its own."""

    name: str
    takes: Takes | None = None
    group: str = ""
    extension: str = ""

    @property
    def kind(self) -> str:
        """The group."""
        return self.group or self.name


class Nested(Enum):
    """The tests of a command or test."""

    NONE = auto()
    ONE = auto()
    LIST = auto()


@dataclass(frozen=True, slots=True)
class Word:
    """A command or a test. `positionals` are names and types in order; one may be optional."""

    name: str
    build: Callable[[Call], Any]
    positionals: tuple[tuple[str, Takes], ...] = ()
    tags: tuple[Tag, ...] = ()
    extension: str = ""
    is_test: bool = False
    nested: Nested = Nested.NONE
    has_block: bool = False
    is_first_optional: bool = False
    is_last_optional: bool = False
    is_loop: bool = False
    decided_by: bool | None = None  # the value of one of its tests that makes the others void

    def find(self, name: str) -> Tag:
        """The tag of that name. Raises Mistake."""
        for tag in self.tags:
            if tag.name == name:
                return tag
        raise Mistake(f"unknown tag ':{name}' for {self}")

    def __str__(self) -> str:
        return f"{'test' if self.is_test else 'command'} '{self.name}'"


MATCH_TAGS = (
    Tag("is", group="match-type"),
    Tag("contains", group="match-type"),
    Tag("matches", group="match-type"),
    Tag("value", Takes.CONSTANT, group="match-type", extension="relational"),
    Tag("count", Takes.CONSTANT, group="match-type", extension="relational"),
    Tag("regex", group="match-type", extension="regex"),
    Tag("comparator", Takes.CONSTANT),
)
ADDRESS_TAGS = (
    Tag("all", group="address-part"),
    Tag("localpart", group="address-part"),
    Tag("domain", group="address-part"),
    Tag("user", group="address-part", extension="subaddress"),
    Tag("detail", group="address-part", extension="subaddress"),
)
INDEX_TAGS = (Tag("index", Takes.NUMBER, extension="index"), Tag("last", extension="index"))
MIME_TAGS = (
    Tag("mime", extension="mime"),
    Tag("anychild", extension="mime"),
    Tag("type", group="mime-option", extension="mime"),
    Tag("subtype", group="mime-option", extension="mime"),
    Tag("contenttype", group="mime-option", extension="mime"),
    Tag("param", Takes.STRINGS, group="mime-option", extension="mime"),
)
