"""The clock of the machine jumps, forwards and back, while the server works: only what is dated by it notices."""

from __future__ import annotations

import os
import signal
import smtplib
import sys
from pathlib import Path

import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_message import small_message
from tests.harness.peer_process import eventually, missing
from tests.harness.peer_sink import sink

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
MESSAGE = small_message("clock", 3_000)
PENALTY = "auth_penalty = yes\n"
# libfaketime changes what clock_nanosleep(2) is told even of clocks that it leaves alone; time.sleep asks that.
PROGRAM = """#!{python}
import gsubmit_cli
from gevent import monkey
from gsubmit.logs import background
from gsubmit_cli.main import main

background._sleep = lambda seconds: monkey.get_original("select", "select")([], [], [], seconds)
main()
"""


def test_a_clock_that_jumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not LIBRARIES:
        missing("libfaketime is not installed")
    clock = tmp_path / "clock"

    def jump_to(moment: str) -> None:
        new = tmp_path / "new"
        new.write_text(moment)
        new.rename(clock)

    jump_to("@2026-06-15 12:00:00")
    program = tmp_path / "program"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    with sink() as relay:
        settings = {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # which no machine's clock changes (clock_gettime(2))
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        with gsubmit(relay.port, PENALTY, program=str(program)) as server:
            eventually("the start", lambda: "serving on " in server.log_so_far)
            assert "Jun 15 12:0" in server.log
            with Client(server) as client, Client(server, tls=True) as other:
                client.begin()
                jump_to("@2027-06-16 12:00:00")
                assert client.data(MESSAGE)[0] == 250
                assert other.submit(MESSAGE)[0] == 250
                jump_to("@2025-06-14 12:00:00")
                with pytest.raises(smtplib.SMTPAuthenticationError):
                    Client(server, password="wrong")
                assert client.submit(MESSAGE)[0] == 250
                assert other.submit(MESSAGE)[0] == 250
                jump_to("@2026-06-15 12:00:00")
                with Client(server, tls=True) as third:  # waits for seconds, not for a year
                    assert third.submit(MESSAGE)[0] == 250
            os.kill(server.process.pid, signal.SIGHUP)
            eventually("a reload", lambda: "settings reloaded" in server.log_so_far)
            with Client(server) as fourth:
                assert fourth.submit(MESSAGE)[0] == 250
            for name in settings:
                monkeypatch.delenv(name)
            server.process.terminate()
            assert server.process.wait(20) == 0
            assert "Error" not in server.log
            assert "Traceback" not in server.log
        years = [b" 2027 " in message for message in relay.messages]
        assert sorted(years) == [False] * 4 + [True] * 2
