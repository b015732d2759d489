"""`gsubmit send-test` logs in: by every mechanism, with a password from anywhere, and never with more than it must."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gsubmit_cli.probe import target
from gsubmit_cli.send_test import send_test

from tests.harness.commands import CliRunner
from tests.harness.smtpserver import Scram

PASSWORD = "hunter2 in the wood"
LOGIN = ["-u", "bob@example.org", "-t", "amy@example.net"]
Serve = Callable[..., Any]  # starts a server with the given answers, see conftest.py


def ehlo(mechanisms: str) -> str:
    return f"250-mx.example\r\n250 AUTH {mechanisms}"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def run(server: Any, *arguments: str, password: str = PASSWORD) -> Any:
    where = ["-s", f"127.0.0.1:{server.port}", "--tls", "none", "--timeout", "5", "--json"]
    result = CliRunner(env={"GSUBMIT_PASSWORD": password}).invoke(send_test, [*where, *LOGIN, *arguments])
    assert password not in result.output
    assert encoded(password) not in result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize(("mechanism", "algorithm"), [("SCRAM-SHA-256", "sha256"), ("SCRAM-SHA-1", "sha1")])
@pytest.mark.parametrize("named", [True, False], ids=["named", "the best"])
def test_scram(serve: Serve, mechanism: str, algorithm: str, named: bool) -> None:
    scram = Scram(algorithm, PASSWORD)
    server = serve(EHLO=ehlo(f"PLAIN {mechanism} LOGIN"), AUTH=scram, default=scram)
    outcome = run(server, *(["--auth", mechanism.lower()] if named else []))
    assert outcome["ok"] is True, outcome
    assert scram.user == "bob@example.org"
    assert outcome["steps"][3]["sent"] == [f"AUTH {mechanism} ****", "****", "****"]
    assert outcome["steps"][3]["remarks"] == []


def test_a_server_that_does_not_know_the_password_is_found_out(serve: Serve) -> None:
    scram = Scram("sha256", PASSWORD, lies=True)
    outcome = run(serve(EHLO=ehlo("SCRAM-SHA-256"), AUTH=scram, default=scram, **{"*": "501 cancelled"}))
    assert (outcome["exit_code"], outcome["failed_step"]) == (13, "AUTH")
    assert "is it the server that you mean" in outcome["hint"]


def test_scram_refused_is_not_followed_by_the_password_in_clear_text(serve: Serve) -> None:
    server = serve(EHLO=ehlo("PLAIN SCRAM-SHA-256"), AUTH="504 5.5.4 no")
    assert run(server)["exit_code"] == 13
    assert [line.split()[1] for line in server.heard if line.startswith("AUTH")] == ["SCRAM-SHA-256"]


@pytest.mark.parametrize(
    ("mechanism", "said"),
    [
        ("OAUTHBEARER", f"n,a=bob@example.org,\x01auth=Bearer {PASSWORD}\x01\x01"),
        ("XOAUTH2", f"user=bob@example.org\x01auth=Bearer {PASSWORD}\x01\x01"),
        ("PLAIN", f"\0bob@example.org\0{PASSWORD}"),
    ],
)
def test_what_goes_with_auth(serve: Serve, mechanism: str, said: str) -> None:
    server = serve(EHLO=ehlo("PLAIN OAUTHBEARER XOAUTH2"))
    outcome = run(server, "--mechanism", mechanism)
    assert outcome["ok"] is True, outcome
    assert f"AUTH {mechanism} {encoded(said)}" in server.heard


def test_why_a_token_is_refused_is_shown(serve: Serve) -> None:
    reason = encoded('{"status":"invalid_token"}')
    server = serve(EHLO=ehlo("OAUTHBEARER"), **{"AUTH": f"334 {reason}", "AQ==": "535 5.7.8 no"})
    outcome = run(server, "--auth", "OAUTHBEARER")
    assert outcome["exit_code"] == 13
    assert outcome["steps"][3]["remarks"][-1] == '{"status":"invalid_token"}'


@pytest.mark.parametrize(
    ("mechanisms", "arguments", "error"),
    [
        ("PLAIN", ["--auth", "SCRAM-SHA-256"], "the server does not offer SCRAM-SHA-256"),
        ("XOAUTH2", [], "the server does not offer a mechanism for a password"),
    ],
)
def test_what_is_not_offered(serve: Serve, mechanisms: str, arguments: list[str], error: str) -> None:
    outcome = run(serve(EHLO=ehlo(mechanisms)), *arguments)
    assert (outcome["error"], outcome["hint"]) == (error, f"it offers {mechanisms}")


def test_a_malformed_challenge_ends_the_login(serve: Serve) -> None:
    server = serve(EHLO=ehlo("SCRAM-SHA-256"), **{"AUTH": "334 ???", "*": "501 cancelled"})
    outcome = run(server)
    assert outcome["error"] == "malformed challenge of SCRAM-SHA-256"
    assert server.heard[-2:] == ["*", "QUIT"]


@pytest.mark.slow
def test_the_password_on_the_standard_input(serve: Serve) -> None:
    """A process of its own, for click's runner stands in for a terminal."""
    server = serve()
    arguments = ["-s", f"127.0.0.1:{server.port}", "--tls", "none", *LOGIN]
    command = [sys.executable, "-m", "gsubmit", "send-test", *arguments]
    ran = subprocess.run(command, input=b"s\xe4same\r\nmore\n", capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
    (said,) = (line for line in server.heard if line.startswith("AUTH"))
    assert base64.b64decode(said.split()[2]) == b"\0bob@example.org\0s\xe4same"
    without = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert without.returncode == 2
    assert b"Error: no password: give --password-file, set GSUBMIT_PASSWORD, or write" in without.stderr


@pytest.mark.parametrize(
    ("server", "given", "tls"),
    [
        ("x:465", None, "implicit"),
        ("x", None, "starttls"),
        ("x:25", None, "starttls"),
        ("x:465", "starttls", "starttls"),
        ("x:587", "implicit", "implicit"),
    ],
)
def test_the_port_says_how_tls_starts(server: str, given: str | None, tls: str) -> None:
    meant = target.server_target(server, target.SUBMISSION_PORT, given, Path("/dev/null"), 1, insecure=True)
    assert meant.tls == tls
