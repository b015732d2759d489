"""The demo: one message through a server that needs nothing prepared, and nothing left behind."""

from __future__ import annotations

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


def test_a_port_in_use_ends_the_demo_with_one_line(tmp_path: Path) -> None:
    arguments = [gsubmit_program(), "serve", "--demo"]
    with running(arguments, tmp_path / "log", PORTS):
        ran = run([*arguments, "--once"])
    assert (ran.code, ran.output) == (1, "cannot listen on 127.0.0.1 port 1587: Address already in use\n")
