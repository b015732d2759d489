"""What the commands have in common."""

from __future__ import annotations

import subprocess
import sys

import pytest
from gsubmit_cli.main import main

from gsubmit import __version__
from tests.harness.commands import CliRunner


def test_the_list_of_commands_is_not_cut_off() -> None:
    said = CliRunner().invoke(main, ["-h"], terminal_width=80).output
    assert {line.split()[0] for line in said.partition("Commands:\n")[2].splitlines()} == set(main.commands)
    assert "..." not in said.partition("Commands:")[2]


@pytest.mark.slow
def test_python_m_gsubmit_is_the_command() -> None:
    ran = subprocess.run([sys.executable, "-m", "gsubmit", "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout == f"gsubmit, version {__version__}\n"
