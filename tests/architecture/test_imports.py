"""What may import what. A new arrow is added here on purpose, or not at all."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, SOURCES

_ROW = re.compile(r"\| `(\w+)(?:/|\.py)` \| .* \| ([\w, -]+) \|")


def allowed() -> dict[str, set[str]]:
    """The table in ARCHITECTURE.md: what each room may import."""
    rows = _ROW.finditer((ROOT / "ARCHITECTURE.md").read_text())
    table = {row[1]: set() if row[2] == "-" else set(row[2].split(", ")) for row in rows}
    return table | {"gsubmit": set()}  # gsubmit/__init__.py, the version


ALLOWED = allowed()
GEVENT = {
    "gsubmit/app/activation.py",
    "gsubmit/app/failures.py",
    "gsubmit/app/foreground.py",
    "gsubmit/app/forking.py",
    "gsubmit/app/link.py",
    "gsubmit/app/server.py",
    "gsubmit/app/sockets.py",
    "gsubmit/app/watcher.py",
    "gsubmit/app/worker.py",
    "gsubmit/auth/hashing.py",
    "gsubmit/fairness.py",
    "gsubmit/logs/background.py",
    "gsubmit/logs/places.py",
    "gsubmit/net/receiving.py",
    "gsubmit/net/talk.py",
    "gsubmit/proxy/loginproxy.py",
    "gsubmit/proxy/pump.py",
    "gsubmit/relay/parking.py",
    "gsubmit/relay/pool.py",
    "gsubmit/relay/relay.py",
    "gsubmit/sent/entry.py",
    "gsubmit/sent/keeper.py",
    "gsubmit/server/door.py",
    "gsubmit/server/listener.py",
    "gsubmit/plugins/deadlines.py",
    "gsubmit/plugins/runner.py",
    "gsubmit/watch/control.py",
    "gsubmit/watch/http.py",
    "gsubmit/watch/kick.py",
    "gsubmit/watch/link.py",
    "gsubmit/watch/place.py",
    "gsubmit/watch/web.py",
    "cli/gsubmit_cli/__init__.py",
}
OUTSIDE = {"socket", "ssl", "os", "io", "pathlib", "select", "logging", "threading"}


def unit(module: str) -> str:
    """The part of the house that a dotted module name belongs to."""
    package, *rest = module.split(".")
    return rest[0] if package == "gsubmit" and rest else package


def name(path: Path) -> str:
    relative = path.relative_to(ROOT if path.is_relative_to(ROOT / "gsubmit") else ROOT / "cli")
    return ".".join(relative.with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, in whatever block."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None and node.level == 0, f"{path}: relative import"
            module = node.module
            whole = module == "gsubmit" and not path.is_relative_to(ROOT / "gsubmit" / "__init__.py")
            known = {alias.name for alias in node.names} & ALLOWED.keys()
            yield from (f"gsubmit.{part}" for part in known) if whole and known else (module,)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows(path: Path) -> None:
    ours = unit(name(path))
    ourselves = ("gsubmit", "gsubmit_cli")
    used = {unit(module) for module in imports(path) if module.split(".")[0] in ourselves}
    assert used - {ours} <= ALLOWED[ours]


def test_gevent_stays_in_its_places() -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        if any(module.split(".")[0] == "gevent" for module in imports(path))
    }
    assert users == GEVENT


def test_words_touch_nothing_outside() -> None:
    """smtp and sasl: no sockets, no files, no log."""
    for path in SOURCES:
        if unit(name(path)) in ("smtp", "sasl"):
            assert not {module.split(".")[0] for module in imports(path)} & OUTSIDE, path


def test_service_imports_types_only() -> None:
    tree = ast.parse((ROOT / "gsubmit" / "server" / "service.py").read_text())
    names = {
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gsubmit")
        for alias in node.names
    }
    assert all(name[0].isupper() and not name.isupper() for name in names), names
