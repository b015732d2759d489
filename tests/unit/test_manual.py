"""The manual: it has every command and option, refers to pages that there are, and formatters have nothing to say of it."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import click
import pytest
from gsubmit_cli.main import main

PAGES = sorted((Path(__file__).parents[2] / "man").iterdir())
TEXTS = {path.name: path.read_text() for path in PAGES}
COMMANDS = {
    name: next(path for path in PAGES if path.stem == f"gsubmit-{name}" and path.suffix in (".1", ".8"))
    for name in main.commands
}


def complaints(*command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return ran.stderr + (ran.stdout if "-Tlint" in command else "")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_formatters_have_nothing_to_say(path: Path) -> None:
    assert complaints("groff", "-ww", "-man", "-Tutf8", str(path)) == ""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_mandoc_warns_of_nothing(path: Path) -> None:
    said = complaints("mandoc", "-Tlint", "-Wwarning", str(path))
    assert not [line for line in said.splitlines() if "outdated mandoc.db" not in line]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_described(name: str) -> None:
    items = " ".join(re.findall(r"^\.It (Fl .*)", COMMANDS[name].read_text(), re.MULTILINE)).split()
    described = {after.rstrip(",") for word, after in pairwise(items) if word == "Fl"}
    command = main.commands[name]
    for option in command.params:
        assert not isinstance(option, click.Option) or {word.removeprefix("-") for word in option.opts} & described, (
            option
        )
    assert {"h", "-help"} <= described


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_that_are_named_are_there(path: Path) -> None:
    named = re.findall(r"^\.Xr (gsubmit\S*) ([1-8])", TEXTS[path.name], re.MULTILINE)
    named += re.findall(r"^\.BR (gsubmit\S*) \(([1-8])\)", TEXTS[path.name].replace("\\-", "-"), re.MULTILINE)
    assert {f"{name}.{section}" for name, section in named} <= set(TEXTS)


def test_gsubmit_lists_all_commands() -> None:
    listed = re.findall(r"^\.It Cm (\S+)", TEXTS["gsubmit.8"].partition(".Ss What clients")[0], re.MULTILINE)
    assert set(listed) == set(main.commands)
