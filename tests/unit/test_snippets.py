"""Commands and settings that README and the manual show are such as the program takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from gsubmit_cli.main import main

from tests.harness.loading import load_text
from tests.harness.serving import certificate_folder

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [*sorted((ROOT / "man").iterdir()), ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(text: str) -> Iterator[str]:
    """Lines that begin with `gsubmit` and a command of ours, those that follow a backslash with them."""
    joined = re.sub(r"\\e?\n *", "", text.replace("\\-", "-"))
    yield from re.findall(rf"^(?:echo .*\$\()?(gsubmit (?:{'|'.join(main.commands)})\b[^|)\n]*)", joined, re.MULTILINE)


SHOWN = sorted({line.strip() for path in PAGES for line in commands(path.read_text())})


@pytest.mark.parametrize("line", SHOWN)
def test_commands_have_options_that_there_are(line: str) -> None:
    _, name, *words = shlex.split(line, comments=True)
    command = main.commands[name]
    command.make_parser(click.Context(command)).parse_args(words)


def blocks() -> list[str]:
    """The settings in README."""
    found = re.findall(r"^```\n(.*?)^```\n", README, re.MULTILINE | re.DOTALL)
    return [block for block in found if re.match(r"\w+ = ", block)]


def test_the_settings_of_readme_are_taken(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    text = "".join(blocks())
    for shown, there in (
        ("</etc/gsubmit/tls/fullchain.pem", f"<{certificate_folder()}/cert.pem"),
        ("</etc/gsubmit/tls/privkey.pem", f"<{certificate_folder()}/key.pem"),
        ("</etc/gsubmit/imap-password", f"<{tmp_path}/password"),
    ):
        assert shown in text
        text = text.replace(shown, there)
    assert load_text(text).settings.server.hostname == "mail.example.org"
