"""No circle of imports, and no class that knows everything."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from tests.architecture.sources import SOURCES

# What is left of an older house. Both lists may only shrink: what is mended is taken off here, and nothing is added.
CIRCLES: set[frozenset[str]] = set()
LARGE_CLASSES: dict[str, int] = {}
MAX_ATTRIBUTES = 14
Graph = Mapping[str, set[str]]


def module_name(path: Path) -> str:
    """The dotted name: what stands from `gsubmit` or `gsubmit_cli` on."""
    parts = path.with_suffix("").parts
    start = max(parts.index(name) for name in ("gsubmit", "gsubmit_cli") if name in parts)
    return ".".join(parts[start:]).removesuffix(".__init__")


@cache
def trees() -> dict[str, ast.Module]:
    return {module_name(path): ast.parse(path.read_text()) for path in SOURCES}


def imported(tree: ast.Module) -> Iterator[str]:
    """All that a module imports anywhere, under TYPE_CHECKING and within functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in trees() else node.module for name in names)


def circles(graph: Graph) -> set[frozenset[str]]:
    """The groups of modules of which each reaches all others."""
    reached = {module: _reachable(graph, module) for module in graph}
    return {
        frozenset(other for other in reached[module] if module in reached[other])
        for module in graph
        if module in reached[module]
    }


def _reachable(graph: Graph, start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return found


def attributes(node: ast.ClassDef) -> set[str]:
    """What an instance holds: the fields declared in the class, and whatever is assigned on self."""
    fields = {
        statement.target.id
        for statement in node.body
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and not re.match(r"(\w+\.)?ClassVar\b", ast.unparse(statement.annotation))
    }
    return fields | {
        inner.attr
        for inner in ast.walk(node)
        if isinstance(inner, ast.Attribute)
        and isinstance(inner.ctx, ast.Store)
        and isinstance(inner.value, ast.Name)
        and inner.value.id == "self"
    }


def test_no_circles() -> None:
    graph = {module: set(imported(tree)) & trees().keys() - {module} for module, tree in trees().items()}
    found = circles(graph)
    assert not found - CIRCLES, "a new circle of imports"
    assert not CIRCLES - found, "gone: take it off the list"


def test_circles_are_seen() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set[str](), "e": {"f"}, "f": {"e", "a"}}
    assert circles(graph) == {frozenset("abc"), frozenset("ef")}


def test_no_class_knows_everything() -> None:
    sizes = {
        f"{module}.{node.name}": len(attributes(node))
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    large = {name: size for name, size in sizes.items() if size > MAX_ATTRIBUTES}
    assert not {name: size for name, size in large.items() if size > LARGE_CLASSES.get(name, 0)}, "a class has grown"
    assert not LARGE_CLASSES.keys() - large.keys(), "gone: take it off the list"


def test_attributes_are_seen() -> None:
    text = "class A:\n x: int\n y: ClassVar[int] = 1\n def f(self):\n  self.z, self.x = 1, 2\n  self.w += other.v"
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.ClassDef)
    assert attributes(node) == {"x", "z", "w"}
