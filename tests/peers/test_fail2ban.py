"""fail2ban's own filter for Dovecot finds our failed logins, and nothing else."""

from __future__ import annotations

import re
import smtplib
from pathlib import Path

import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_clients import run
from tests.harness.peer_gsubmit import Gsubmit, gsubmit
from tests.harness.peer_process import HOST, eventually, missing, program

FILTER = Path("/etc/fail2ban/filter.d/dovecot.conf")
SETTINGS = {
    "file": "log_path = {folder}/mail.log",
    # What rsyslog makes of our syslog lines differs from this in the host's name only.
    "file-in-the-form-of-syslog": 'log_path = {folder}/mail.log\nlog_timestamp = "%b %d %H:%M:%S host dovecot: "',
}


def _guess(server: Gsubmit, count: int) -> None:
    with smtplib.SMTP(HOST, server.port) as client:
        client.ehlo()
        for _ in range(count):
            assert client.docmd("AUTH", "PLAIN AHVzZXIAd3Jvbmc=")[0] == 535


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_the_stock_filter_finds_failed_logins(settings: str) -> None:
    find = program("fail2ban-regex")
    if not FILTER.exists():
        missing("fail2ban's filter for Dovecot is not there")
    with gsubmit(1, settings) as server:
        log = server.folder / "mail.log"
        _guess(server, 1)
        _guess(server, 3)
        with Client(server):  # a good login
            pass
        eventually("three ends in the log", lambda: "Disconnected" in log.read_text())
        ran = run([find, str(log), str(FILTER)])
        assert re.search(r"Lines: \d+ lines, 0 ignored, 2 matched", ran.output), ran.output + log.read_text()
