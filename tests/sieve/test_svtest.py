"""Each case of the files beside this one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from gsubmit.sieve import regex
from tests.sieve.running import run
from tests.sieve.words import Case

_CASE = re.compile(r'^test "([^"]*)"', re.MULTILINE)
FILES = [
    path
    for path in sorted(Path(__file__).parent.glob("*.svtest"))
    if regex.IS_THERE or not path.stem.endswith("regex")  # without google-re2 there is no such extension
]
NAMES = [(path, name) for path in FILES for name in _CASE.findall(path.read_text())]


@cache
def cases(path: Path) -> Sequence[Case]:
    return run(path)


@pytest.mark.parametrize(("path", "name"), [pytest.param(*one, id=f"{one[0].stem}-{one[1]}") for one in NAMES])
def test_case(path: Path, name: str) -> None:
    assert [case.failure for case in cases(path) if case.name == name] == [""]


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in FILES])
def test_all_cases_of_a_file_are_known_here(path: Path) -> None:
    assert [case.name for case in cases(path)] == [name for file, name in NAMES if file == path]
