"""What is wrong with a configuration, or worth knowing about it, and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["ignored", "warning", "note"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file; line 0 stands for the file as a whole."""

    file: Path
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)


NOWHERE = Place(Path())


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps the configuration from being used, unless it is a Notice."""

    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(frozen=True, slots=True)
class Notice(Problem):
    """Something to know about a usable configuration.

    "ignored" is a setting that is no business of a submission server, "warning" one that has no effect although
    somebody might count on it, "note" a consequence that is easily overlooked.
    """

    kind: Kind


class SettingsError(Exception):
    """A configuration that cannot be used, with every problem it has, by file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.place)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(slots=True)
class Report:
    """Collects problems and notices while a configuration is read. What was already said is not said again."""

    problems: list[Problem] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    unclosed: list[Place] = field(default_factory=list)  # blocks
    _noticed: set[str] = field(default_factory=set)

    @property
    def believable(self) -> list[Problem]:
        """The problems, without those that may come of a block that is never closed: what follows it in its file."""
        return [
            problem
            for problem in self.problems
            if "is never closed" in problem.text
            or not any(problem.place.line == 0 or _follows(problem.place, place) for place in self.unclosed)
        ]

    def problem(self, place: Place, text: str) -> None:
        """Note an error."""
        problem = Problem(place, text)
        if problem not in self.problems:
            self.problems.append(problem)

    def notice(self, kind: Kind, place: Place, text: str) -> None:
        """Note something that is no error; the same words are kept only for the first place."""
        if text not in self._noticed:
            self._noticed.add(text)
            self.notices.append(Notice(place, text, kind))


def _follows(place: Place, other: Place) -> bool:
    return place.file == other.file and place.line >= other.line


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set of known names."""
    return frozenset(text.split())


def nearest(name: str, known: Iterable[str], cutoff: float = 0.7) -> str:
    """Return `, did you mean X?` for an unknown name, or nothing when no known name is near."""
    near = get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f", did you mean {near[0]}?" if near else ""
