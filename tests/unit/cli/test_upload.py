"""What `gsubmit send-test` shows of a large message: its progress on a terminal, and the rate in any case."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from gsubmit_cli.probe import upload
from gsubmit_cli.probe.upload import Upload
from gsubmit_cli.send_test import send_test

from tests.harness.clock import Clock
from tests.harness.commands import CliRunner, Result

Serve = Callable[..., Any]  # starts a server with the given answers, see conftest.py
MEGABYTE = 1_000_000


class Terminal(io.StringIO):
    @property
    def shown(self) -> list[str]:
        """What stood there, one after the other."""
        return self.getvalue().split("\r\x1b[K")[1:]


def run(server: Any, *arguments: str) -> Result:
    where = ["-s", f"127.0.0.1:{server.port}", "--tls", "none", "-f", "bob@example.org", "-t", "amy@example.net"]
    return CliRunner().invoke(send_test, [*where, *arguments])


def test_progress_says_how_far_how_fast_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(upload, "time", clock)
    terminal, notes = Terminal(), list[str]()
    told = Upload(30 * MEGABYTE, terminal, notes.append)
    for octets in (1, 3, 3.1, 15):
        clock.now += 1 if octets != 3.1 else 0.01
        told.went(int(octets * MEGABYTE))
    clock.now += 2
    told.end(30 * MEGABYTE)
    assert terminal.shown == [
        "  3 % of 30.0 MB, 1.0 MB/s, 29 s left",
        " 10 % of 30.0 MB, 1.5 MB/s, 18 s left",
        " 50 % of 30.0 MB, 5.0 MB/s, 3 s left",
        "",
    ]
    assert notes == ["30.0 MB in 5.0 s, 6.0 MB/s"]


def test_what_did_not_go_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, notes = Clock(), list[str]()
    monkeypatch.setattr(upload, "time", clock)
    told = Upload(2 * MEGABYTE, None, notes.append)
    clock.now += 2
    told.end(MEGABYTE)
    assert notes == ["1.0 MB of 2.0 MB in 2.0 s, 0.5 MB/s"]


@pytest.mark.parametrize("how", [[], ["--bdat"]], ids=["DATA", "BDAT"])
def test_without_a_terminal_there_is_a_line_at_the_end(serve: Serve, how: list[str]) -> None:
    said = run(serve(), "--size", "2M", *how)
    assert said.exit_code == 0
    assert re.search(r"^ +[0-9.]+  \*  2\.1 MB in [0-9.]+ s, [0-9.]+ [Mk]B/s$", said.stdout, re.MULTILINE)
    assert said.stderr == ""


def test_small_messages_go_without_a_word(serve: Serve) -> None:
    assert "B/s" not in run(serve(), "--size", "500k").output


def test_programs_find_the_rate_in_the_remarks(serve: Serve) -> None:
    steps = {step["name"]: step for step in json.loads(run(serve(), "--size", "1M", "--json").stdout)["steps"]}
    assert steps["message"]["remarks"][-1].startswith("1.0 MB in ")


@pytest.mark.slow
def test_a_terminal_shows_progress(serve: Serve) -> None:
    code = "from gsubmit_cli.probe import upload; upload.INTERVAL = 0; from gsubmit_cli.send_test import send_test; send_test()"
    server = serve()
    arguments = ["-s", f"127.0.0.1:{server.port}", "--tls", "none", "-f", "b@example.org", "-t", "a@example.net"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ours, terminal = pty.openpty()
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--size", "1M"],
        stdout=subprocess.PIPE, stderr=terminal, env=environment, check=False,
    )  # fmt: skip
    shown = os.read(ours, 65536)
    os.close(ours)
    os.close(terminal)
    assert ran.returncode == 0
    assert re.match(rb"\r\x1b\[K +[0-9]+ % of 1\.0 MB, [0-9.]+ [kM]B/s, 0 s left\r\x1b\[K", shown), shown
    assert shown.endswith(b"\r\x1b[K")
    assert b"1.0 MB in " in ran.stdout


def test_quiet_says_nothing_unless_it_fails(serve: Serve) -> None:
    assert run(serve(), "-q").output == ""
    said = run(serve(RCPT="550 5.1.1 unknown"), "--quiet")
    assert said.exit_code == 15
    assert [line.split()[0] for line in said.output.splitlines()] == ["refused", "failed", "hint", "exit"]
    assert run(serve(), "-q", "--json").exit_code == 2
