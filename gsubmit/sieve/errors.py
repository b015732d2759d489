"""What is wrong with a script."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """One error: in which script, in which line (0: none), and what."""

    script: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.script}:{self.line}: {self.text}" if self.line else f"{self.script}: {self.text}"


class SieveError(Exception):
    """A script that does not compile, or that fails when it runs; nothing of what it wanted is done."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Mistake(Exception):
    """Something is wrong at the place that is being read or carried out; who knows the line makes a Problem of it."""
