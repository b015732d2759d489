"""fail2ban's own filter for Dovecot finds our failed logins, and nothing else."""

from __future__ import annotations

import re
import smtplib
import socket
from base64 import b64encode
from pathlib import Path

import pytest

from tests.harness.loginclient import MECHANISMS, Kind, Talk, Who
from tests.harness.peer_bdat import Client
from tests.harness.peer_clients import run
from tests.harness.peer_gsubmit import Gsubmit, gsubmit
from tests.harness.peer_process import HOST, eventually, missing, program

FILTER = Path("/etc/fail2ban/filter.d/dovecot.conf")
SETTINGS = {
    "file": "log_path = {folder}/mail.log",
    # What rsyslog makes of our syslog lines, with instance_name = dovecot, differs from this in the host's name only.
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
    with gsubmit(1, f"{settings}\nauth_penalty = no\n") as server:
        log = server.folder / "mail.log"
        _guess(server, 1)
        _guess(server, 3)
        with Client(server):  # a good login
            pass
        eventually("three ends in the log", lambda: "Disconnected" in log.read_text())
        ran = run([find, str(log), str(FILTER)])
        assert re.search(r"Lines: \d+ lines, 0 ignored, 2 matched", ran.output), ran.output + log.read_text()


# Each from an address of its own; the names try to end their element of the line, and to name another address.
GUESSES = [
    ("PLAIN", [Who("user", "wrong")]),
    ("PLAIN", [Who("nobody@example.org", "wrong")]),
    ("LOGIN", [Who("user", "wrong")]),
    ("CRAM-MD5", [Who("user", "wrong")]),
    ("CRAM-MD5", [Who("nobody", "wrong")]),
    ("SCRAM-SHA-1", [Who("user", "wrong")]),
    ("SCRAM-SHA-256", [Who("nobody", "wrong")]),
    ("SCRAM-SHA-256-PLUS", [Who("user", "wrong")]),
    ("OAUTHBEARER", [Who("user", "d3Jvbmc=")]),
    ("XOAUTH2", [Who("nobody", "d3Jvbmc=")]),
    ("PLAIN", [Who("x>, rip=192.0.2.1, lip=192.0.2.2, session=<y", "wrong")]),
    ("PLAIN", [Who("x>, method=PLAIN, rip=192.0.2.1", "wrong")]),
    ("LOGIN", [Who("rip=192.0.2.1", "wrong")]),
    ("CRAM-MD5", [Who("no auth attempts in 0 secs): user=<>", "wrong")]),
    ("SCRAM-SHA-256", [Who("z\xfcrich <a@b>, (c)", "wrong")]),
    ("PLAIN", [Who("user", "wrong", "192.0.2.1>, rip=192.0.2.1")]),
    ("PLAIN", [Who("user", f"wrong-{number}") for number in range(6)]),  # the last one hears 421
]
ADDRESSES = [f"127.0.1.{number}" for number in range(1, len(GUESSES) + 1)]
ALL = """
log_path = {folder}/mail.log
auth_penalty = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 scram-sha-256-plus oauthbearer xoauth2
passdb {
  driver = oauth2
  args = {folder}/oauth2.conf
}
"""
OAUTH2 = "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix=/nonexistent/\n"


FORGED = "Aborted login (auth failed, 1 attempts in 1 secs): user=<x>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2"


def _send_without_login(server: Gsubmit, address: str) -> None:
    """What such a client calls its recipients is in the log."""
    with smtplib.SMTP(HOST, server.port, source_address=(address, 0)) as client:
        client.ehlo()
        assert client.docmd("RCPT", f"TO:<{FORGED}>")[0] == 530


def _leave_within_a_login(server: Gsubmit, address: str) -> None:
    with socket.create_connection((HOST, server.port), 5, (address, 0)) as sock, sock.makefile("rb") as replies:
        sock.sendall(b"EHLO x\r\nAUTH SCRAM-SHA-256 " + b64encode(b"n,,n=user,r=abcdefgh") + b"\r\n")
        while not replies.readline().startswith(b"334 "):
            pass


def _try(server: Gsubmit, address: str, mechanism: str, guesses: list[Who], tls: str = "implicit") -> str:
    """The last reply."""
    talk = Talk(server.port, server.tls_port, Kind(address, tls))
    try:
        return [MECHANISMS[mechanism](talk, guess) for guess in guesses][-1]
    finally:
        talk.close()


def test_the_stock_filter_finds_every_kind_of_guess() -> None:
    """And the address that it came from, whatever the client calls itself; nothing of those who may log in."""
    find = program("fail2ban-regex")
    if not FILTER.exists():
        missing("fail2ban's filter for Dovecot is not there")
    with gsubmit(1, ALL, {"oauth2.conf": OAUTH2}) as server:
        log = server.folder / "mail.log"
        for address, (mechanism, guesses) in zip(ADDRESSES, GUESSES, strict=True):
            assert _try(server, address, mechanism, guesses)[:3] == ("421" if len(guesses) > 5 else "535")
        in_clear = "127.0.2.1"
        assert _try(server, in_clear, "PLAIN", [Who("user", "wrong")], "").startswith("504")
        assert _try(server, "127.0.2.2", "SCRAM-SHA-256", [Who("user", "secret")]).startswith("235")
        _send_without_login(server, "127.0.2.3")
        _leave_within_a_login(server, "127.0.2.4")
        noise = ["127.0.2.3", "127.0.2.4"]
        for address in [*ADDRESSES, in_clear, *noise]:
            eventually(f"the end of {address}", lambda end=f"rip={address}, ": end in log.read_text())  # type: ignore[misc]
        eventually("the end of the login", lambda: "closed by the client (state=READY) in=" in log.read_text())
        ran = run([find, "-o", "ip", str(log), str(FILTER)])
        assert sorted(ran.output.split()) == sorted([*ADDRESSES, in_clear]), ran.output + log.read_text()
        ran = run([find, "-o", "ip", str(log), f"{FILTER}[mode=aggressive]"])
        # And those who looked whether the server is there yet.
        assert {*ran.output.split()} == {*ADDRESSES, in_clear, *noise, HOST}, ran.output + log.read_text()
