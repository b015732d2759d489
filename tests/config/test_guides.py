"""What README and the guides show can be typed and configured as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from gsubmit_cli.main import main

from tests.architecture.sources import ROOT
from tests.harness.loading import load_text
from tests.harness.serving import certificate_folder

GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
_BLOCK = re.compile(r"^```([\w.]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(path: Path, kind: str) -> list[str]:
    """The blocks of one kind in a page."""
    return [text for name, text in _BLOCK.findall(path.read_text()) if name == kind]


CONFIGURATIONS = [(path, text) for path in GUIDES for text in blocks(path, "gsubmit")]
COMMANDS = [
    (path, line.partition("  #")[0])
    for path in [*GUIDES, ROOT / "README.md"]
    for text in (*blocks(path, "sh"), *blocks(path, "console"))
    for line in text.splitlines()
    if line.startswith("gsubmit ")
]


@pytest.mark.parametrize(("path", "text"), CONFIGURATIONS, ids=[path.stem for path, _ in CONFIGURATIONS])
def test_configuration(path: Path, text: str) -> None:
    folder = certificate_folder()
    text = text.replace("/etc/gsubmit/tls/fullchain.pem", f"{folder}/cert.pem")
    text = text.replace("/etc/gsubmit/tls/privkey.pem", f"{folder}/key.pem")
    loaded = load_text(f"ssl_cert = <{folder}/cert.pem\nssl_key = <{folder}/key.pem\n{text}")
    assert [str(notice) for notice in loaded.notices if notice.kind != "note"] == []


@pytest.mark.parametrize(("path", "line"), COMMANDS, ids=[f"{path.stem}: {line}" for path, line in COMMANDS])
def test_command(path: Path, line: str) -> None:
    """Its options exist, and take what is given to them."""
    name, *arguments = shlex.split(line)[1:]
    command = main.get_command(click.Context(main), name)
    assert command is not None
    command.make_context(name, arguments)


def test_there_are_some() -> None:
    assert len(GUIDES) >= 6 and len(CONFIGURATIONS) > len(GUIDES) and len(COMMANDS) > 5
