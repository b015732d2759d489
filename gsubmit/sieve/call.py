"""One use of a command or test in a script, after its arguments were checked: what the word is built from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gsubmit.sieve.limits import Limits
from gsubmit.sieve.machine import Block, Test
from gsubmit.sieve.strings import Text, Texts

Value = Text | Texts | str | tuple[str, ...] | int | None


class Program(Protocol):
    """What a script has, once it is compiled."""

    @property
    def name(self) -> str:
        """Of the script."""

    @property
    def block(self) -> Block:
        """Its commands."""


class Home(Protocol):
    """The script that is being compiled, as its words see it."""

    @property
    def name(self) -> str:
        """Of the script."""

    @property
    def limits(self) -> Limits:
        """Its limits."""

    @property
    def commons(self) -> set[str]:
        """The variables that the script shares with others, in lower case."""

    @property
    def own_variables(self) -> set[str]:
        """The variables of its own that something was put into."""

    @property
    def loops(self) -> list[str]:
        """The names of the loops around the word, the innermost last; empty for one without a name."""

    def pause(self) -> None:
        """Let others run."""

    def has(self, extension: str) -> bool:
        """Whether it has required that."""

    def offers(self, extension: str) -> bool:
        """Whether it might."""

    def require(self, extensions: Collection[str]) -> None:
        """From now on it has these. Raises Mistake."""

    def text(self, string: str) -> Text:
        """A string that stands in a script. Raises Mistake."""

    def include(self, name: str, *, is_global: bool) -> Program | None:
        """Another script, compiled; None if there is none. Raises Mistake."""

    def misses(self, line: int, text: str) -> None:
        """Note what will be an error when it is carried out, unless it is there by then."""


@dataclass(slots=True)
class Call:
    """`given` has the arguments by the name of the positional, or the group of the tag; `tags` which tag of a group."""

    name: str
    line: int
    home: Home
    given: Mapping[str, Value] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    tests: Sequence[Test] = ()
    block: Block = field(default_factory=Block)

    def has(self, kind: str) -> bool:
        """Whether there is such a tag, or argument."""
        return kind in self.given

    def tag(self, group: str, default: str) -> str:
        """Which tag of a group there is."""
        return self.tags.get(group, default)

    def text(self, name: str) -> Text:
        """A string."""
        value = self.given[name]
        assert isinstance(value, Text)
        return value

    def texts(self, name: str) -> Texts:
        """A list of strings."""
        value = self.given[name]
        assert isinstance(value, Texts)
        return value

    def constant(self, name: str, default: str = "") -> str:
        """A string without variables."""
        value = self.given.get(name, default)
        assert isinstance(value, str)
        return value

    def constants(self, name: str) -> tuple[str, ...]:
        """A list of them."""
        value = self.given[name]
        assert isinstance(value, tuple)
        return value

    def number(self, name: str, default: int = 0) -> int:
        """A number."""
        value = self.given.get(name, default)
        assert isinstance(value, int)
        return value
