"""What is wrong with a script."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """One error: in which script, in which line (0: none), and what."""

    script: str
    line: int
    text: str

    def __str__(self) -> str:
        place = f"{self.script}:{self.line}" if self.line else self.script
        return "".join(one if one.isprintable() else "?" for one in f"{place}: {self.text}")  # it quotes the script


class SieveError(Exception):
    """A script that does not compile, or that fails when it runs; nothing of what it wanted is done."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Mistake(Exception):
    """Something is wrong at the place that is being read or carried out; who knows the line makes a Problem of it."""
