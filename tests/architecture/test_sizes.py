"""A file is one noun and stays short; a function fits on a screen; nothing is left for later."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, SOURCES

MAX_FILE = 300  # lines
MAX_FUNCTION = 50  # lines, with decorators and docstring
LEFT_FOR_LATER = re.compile("TODO|FIXME|" + "X" * 3)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_source(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_FILE
    assert not LEFT_FOR_LATER.findall(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            assert (node.end_lineno or 0) - first < MAX_FUNCTION, node.name
