"""Possessive groups that each Python can match: until 3.11.5 one goes on behind a turn that failed halfway (gh-106052).

Debian 12 has 3.11.2. What may fail halfway is an atomic group with a greedy one in it: `(?>(?:ab)*)`.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import gsubmit_cli
import pytest

import gsubmit

parser: Any = importlib.import_module("re._parser")
CHARACTERS = {"LITERAL", "NOT_LITERAL", "IN", "ANY"}
ESCAPED = ["LITERAL 92", "ANY None"]  # after the backslash nothing but the end of the text fails


def patterns() -> Iterator[Any]:
    for package in (gsubmit, gsubmit_cli):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name not in ("gsubmit.__main__", "gsubmit.pytest_plugin"):
                found = vars(importlib.import_module(module.name))
                yield from (
                    pytest.param(one, id=f"{module.name}:{name}")
                    for name, one in found.items()
                    if isinstance(one, re.Pattern)
                )


def items(parsed: Any) -> Iterator[tuple[str, Any]]:
    """All operations in a pattern, and what each has."""
    if isinstance(parsed, parser.SubPattern):
        for operation, argument in parsed:
            yield str(operation), argument
            yield from items(argument)
    elif isinstance(parsed, list | tuple):
        for one in parsed:
            yield from items(one)


def may_fail_halfway(body: Any) -> bool:
    """Whether one turn of a repeated group may take something and then not match."""
    turns = body[0][1][1] if str(body[0][0]) == "BRANCH" and len(body) == 1 else [body]
    return not all(
        is_one_character(turn) or [f"{one} {argument}" for one, argument in turn] == ESCAPED for turn in turns
    )


def is_one_character(turn: Any) -> bool:
    """Of some kind, or a run of such."""
    (operation, argument), *more = turn
    name = str(operation)
    return not more and (name in CHARACTERS or (name.endswith("REPEAT") and is_one_character(argument[2])))


def faults(pattern: str | bytes, flags: int = 0) -> int:
    parsed = parser.parse(pattern, flags)
    repeated = [argument[2] for name, argument in items(parsed) if name == "POSSESSIVE_REPEAT"]
    return sum(map(may_fail_halfway, repeated))


@pytest.mark.parametrize("pattern", list(patterns()))
def test_no_possessive_group_fails_halfway(pattern: re.Pattern[str] | re.Pattern[bytes]) -> None:
    flags = pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
    assert not faults(pattern.pattern, flags)


@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        (r"(?:ab?c)*+", 1),
        (r"x(?:a|(?:bc)++)?+", 2),
        (r"(?:[^*]++|\*(?!/))*+", 1),
        (r'"(?:[^"\\]++|\\.)*+"', 0),
        (r"(?>(?:ab)*)", 0),
        (r"[ab]*+c++(?:d)?+", 0),
    ],
)
def test_faults_are_found(pattern: str, number: int) -> None:
    assert faults(pattern) == number
