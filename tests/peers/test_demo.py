"""The demo: one message through a server that needs nothing prepared, and nothing left behind."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.harness.peer_clients import run
from tests.harness.peer_gsubmit import gsubmit_program
from tests.harness.peer_process import answers, eventually, running

PORTS = 1587, 1465


@pytest.fixture(autouse=True)
def free_ports() -> None:
    if any(map(answers, PORTS)):
        pytest.skip("another demo is running")


def test_the_demo_shows_the_message_that_it_stored_and_ends(tmp_path: Path) -> None:
    ran = run([gsubmit_program(), "serve", "--demo", "--once"], {"TMPDIR": str(tmp_path)})
    assert ran.code == 0, ran.output
    assert "\naccepted  for 1 recipient: 250 2.0.0 Stored as " in ran.output
    assert "\nSubject: The first message\n" in ran.output.partition("\n$ cat ")[2]
    assert not list(tmp_path.iterdir())


def test_the_demo_goes_on_until_ctrl_c(tmp_path: Path) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    log = tmp_path / "log"
    with running([gsubmit_program(), "serve", "--demo", "--send"], log, PORTS, {"TMPDIR": str(folder)}) as process:
        eventually("the stored message", lambda: "\nSubject: The first message\n" in log.read_text())
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0, log.read_text()
    assert not list(folder.iterdir())


def test_ports_in_use_are_left_to_who_has_them(tmp_path: Path) -> None:
    arguments = [gsubmit_program(), "serve", "--demo"]
    with running(arguments, tmp_path / "log", PORTS):
        ran = run([*arguments, "--once"])
    assert ran.code == 0, ran.output
    (port,) = re.findall("Submission server on localhost port ([0-9]+)", ran.output)
    assert int(port) not in PORTS
    assert f"connected to 127.0.0.1 port {port}" in ran.output


def test_what_it_says_can_be_typed(tmp_path: Path) -> None:
    """In any shell, though gsubmit may not be in its PATH."""
    log = tmp_path / "log"
    with running([gsubmit_program(), "serve", "--demo"], log, PORTS, {"PATH": "/usr/bin:/bin"}):
        eventually("the help", lambda: "Ctrl-C" in log.read_text())
        command = log.read_text().partition("Try it:\n")[2].partition("\n\n")[0]
        ran = run(["sh", "-c", command], {"PATH": "/usr/bin:/bin"})
    assert ran.code == 0, ran.output
