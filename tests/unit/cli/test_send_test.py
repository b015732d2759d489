"""`gsubmit send-test` against small servers on loopback that do as they are told."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gsubmit_cli.send_test import send_test

from tests.harness.commands import CliRunner, Result
from tests.harness.peer_process import eventually
from tests.harness.smtpserver import CLOSE, RESET, SILENT

PASSWORD = "hunter2 in the wood"
ADDRESSES = ["--from", "bob@example.org", "--to", "amy@example.net"]
LOGIN = ["--user", "bob@example.org", "--to", "amy@example.net"]
TOKEN = "91354a473744909de610943775f92038"
URL = f"imap://bob@imap.example.org/Drafts/;UID=20;URLAUTH=submit+bob:internal:{TOKEN}"


Serve = Callable[..., Any]  # starts a server with the given answers, see conftest.py


def run(server: Any, *arguments: object, tls: str = "none", timeout: float = 5) -> Result:
    """Run the command; whatever it does, no secret may come out."""
    where = ["--server", f"127.0.0.1:{server.port}", "--tls", tls, "--timeout", timeout] if server else []
    result = CliRunner(env={"GSUBMIT_PASSWORD": PASSWORD}).invoke(send_test, [str(a) for a in (*where, *arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    plain = base64.b64encode(f"\0bob@example.org\0{PASSWORD}".encode()).decode()
    for secret in (PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), plain, TOKEN):
        assert secret not in result.output
    return result


def run_json(server: Any, *arguments: object, tls: str = "none", timeout: float = 5) -> Any:
    result = run(server, "--json", *arguments, tls=tls, timeout=timeout)
    outcome = json.loads(result.stdout)
    assert outcome["exit_code"] == result.exit_code
    return outcome


def steps(outcome: Any) -> list[str]:
    return [step["name"] for step in outcome["steps"]]


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_success_in_each_tls_mode(serve: Serve, ca_file: Path, tls: str) -> None:
    server = serve(implicit=tls == "implicit")
    result = run(server, "--ca", ca_file, *LOGIN, tls=tls)
    assert result.exit_code == 0
    assert "C: AUTH PLAIN ****" in result.stdout
    assert "queued as 4711" in result.stdout
    assert ("verified: by" in result.stdout) == (tls != "none")
    assert server.heard[-1] == "QUIT"
    assert b"From: <bob@example.org>\r\nTo: <amy@example.net>\r\nSubject: gsubmit send-test\r\n" in server.content
    assert b"Date: " in server.content
    assert b"Message-ID: <" in server.content


def test_json_shape(serve: Serve, ca_file: Path) -> None:
    outcome = run_json(serve(), "--ca", ca_file, *LOGIN, tls="starttls")
    assert steps(outcome) == [
        *("connect", "greeting", "EHLO", "STARTTLS", "TLS", "EHLO after TLS", "AUTH"),
        *("MAIL", "RCPT", "DATA", "message", "QUIT"),
    ]
    assert set(outcome["steps"][0]) == {"name", "at", "seconds", "sent", "received", "remarks"}
    assert outcome["steps"][6]["sent"] == ["AUTH PLAIN ****"]
    assert outcome["ok"] is True
    assert outcome["stage"] == "DONE"
    assert outcome["tls"]["verified"] is True
    assert outcome["tls"]["certificate"]["names"] == ["127.0.0.1"]
    assert outcome["capabilities"]["AUTH"] == ["PLAIN", "LOGIN"]
    assert outcome["recipients"] == {"accepted": ["amy@example.net"], "refused": {}}
    assert outcome["reply"] == "250 2.0.0 queued as 4711"
    assert outcome["error"] is outcome["hint"] is outcome["failed_step"] is None


def test_login_mechanism(serve: Serve) -> None:
    name, password = (base64.b64encode(text.encode()).decode() for text in ("bob@example.org", PASSWORD))
    server = serve(**{"AUTH": "334 VXNlcm5hbWU6", name: "334 UGFzc3dvcmQ6", password: "235 2.7.0 welcome"})
    outcome = run_json(server, "--mechanism", "login", *LOGIN)
    assert outcome["steps"][3]["sent"] == ["AUTH LOGIN", "****", "****"]
    assert outcome["ok"] is True


@pytest.mark.parametrize(
    ("answers", "sent"),
    [
        pytest.param(
            {"AUTH": "504 5.5.4 What?", "AUTH LOGIN": "334 Name?", "NAME": "334", "WORD": "235 welcome"},
            ["AUTH PLAIN ****", "AUTH LOGIN", "****", "****"],
            id="the next mechanism",
        ),
        pytest.param(
            {"AUTH": "501 5.5.4 Syntax", "AUTH PLAIN": "334 go on", "BOTH": "235 welcome"},
            ["AUTH PLAIN ****", "AUTH PLAIN", "****"],
            id="without initial response",
        ),
        pytest.param({"AUTH": "334 ", "BOTH": "235 welcome"}, ["AUTH PLAIN ****", "****"], id="asked for once more"),
    ],
)
def test_servers_that_refuse_a_mechanism_or_its_form(serve: Serve, answers: dict[str, str], sent: list[str]) -> None:
    user = "bob@example.org"
    texts = {"NAME": user, "WORD": PASSWORD, "BOTH": f"\0{user}\0{PASSWORD}"}
    told = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
    outcome = run_json(serve(**{told.get(key, key): answer for key, answer in answers.items()}), *LOGIN)
    assert outcome["steps"][3]["sent"] == sent
    assert outcome["ok"] is True


def test_wrong_password_echoed(serve: Serve) -> None:
    server = serve(AUTH=f"535 5.7.8 no, {PASSWORD} is wrong, {base64.b64encode(PASSWORD.encode()).decode()} too")
    outcome = run_json(server, *LOGIN)
    assert outcome["exit_code"] == 13
    assert outcome["error"] == "535 5.7.8 no, **** is wrong, **** too"
    assert "passdb" in outcome["hint"]
    assert steps(outcome)[-1] == "QUIT"


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
def test_untrusted_certificate(serve: Serve, implicit: bool) -> None:
    outcome = run_json(serve(implicit=implicit), *LOGIN, tls="implicit" if implicit else "starttls")
    assert outcome["exit_code"] == 12
    assert "not trusted" in outcome["error"]
    assert "--ca FILE" in outcome["hint"]
    assert outcome["tls"]["verified"] is False
    assert outcome["tls"]["certificate"]["names"] == ["127.0.0.1"]
    assert "AUTH" not in steps(outcome)


def test_wrong_name_in_certificate(serve: Serve, ca_file: Path) -> None:
    outcome = run_json(serve("mx.example"), "--ca", ca_file, *LOGIN, tls="starttls")
    assert outcome["exit_code"] == 12
    assert "mismatch" in outcome["error"]
    assert outcome["tls"]["certificate"]["names"] == ["mx.example"]


def test_insecure(serve: Serve) -> None:
    outcome = run_json(serve(), "--insecure", *LOGIN, tls="starttls")
    assert outcome["ok"] is True
    assert outcome["tls"]["verified"] is False


@pytest.mark.parametrize("answer", [CLOSE, RESET, SILENT, "garbage \x1b[2J", "421 4.3.2 shutting down"])
@pytest.mark.parametrize(
    ("key", "exit_code"),
    [
        ("greeting", 11), ("EHLO", 11), ("STARTTLS", 12), ("AUTH", 13), ("MAIL", 14), ("RCPT", 15), ("DATA", 16),
        ("content", 16), ("QUIT", 0),
    ],
)  # fmt: skip
def test_trouble_in_each_step(serve: Serve, key: str, exit_code: int, answer: str) -> None:
    tls = "starttls" if key == "STARTTLS" else "none"
    result = run(serve(**{key: answer}), *LOGIN, "--insecure", tls=tls, timeout=0.1)
    assert result.exit_code == exit_code
    assert ("hint      " in result.stdout) == (exit_code != 0)
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    ("answers", "arguments", "exit_code", "hint"),
    [
        ({"MAIL": "530 5.7.0 Authentication required"}, ADDRESSES, 14, "--user"),
        ({"MAIL": "530 5.7.0 Must issue STARTTLS first"}, ADDRESSES, 14, "--tls"),
        ({"MAIL": "451 4.4.1 no relay"}, ADDRESSES, 14, "relay behind it"),
        ({"RCPT": "554 5.7.1 Relay access denied"}, ADDRESSES, 15, "log in with --user"),
        ({"RCPT": "554 5.7.1 Relay access denied"}, LOGIN, 15, "the login was good"),
        ({"RCPT": "554 5.7.1 <bob@example.org>: Sender address rejected"}, LOGIN, 15, "refuse --to or --from"),
        ({"RCPT": "550 no such user"}, ADDRESSES, 15, "check --to"),
        ({"MAIL": "553 5.7.1 no"}, ADDRESSES, 14, "give --user"),
        ({"MAIL": "553 5.7.1 no"}, LOGIN, 14, "this login may not send as that address"),
        ({"greeting": CLOSE}, ADDRESSES, 11, "--tls implicit"),
        ({"content": "552 5.3.4 too big"}, ADDRESSES, 16, "submission_max_mail_size"),
        ({"content": "550 5.6.11 bare LF"}, ADDRESSES, 16, "content"),
        ({"EHLO": "250 mx.example"}, LOGIN, 13, "--tls"),
        ({"EHLO": "250-mx.example\r\n250 AUTH GSSAPI"}, LOGIN, 13, "GSSAPI"),
        ({"EHLO": "250 mx.example"}, [*ADDRESSES, "--bdat"], 16, "--bdat"),
        ({"EHLO": "250 mx.example"}, ["--from", "bób@example.org", "--to", "a@b.example"], 14, "--from"),
        ({"EHLO": "250 mx.example"}, [*ADDRESSES, "--tls", "starttls"], 12, "--tls implicit"),
        ({}, ["--tls", "implicit", *ADDRESSES], 12, "--tls"),
        ({"greeting": SILENT}, [*ADDRESSES, "--timeout", "0.1"], 11, "--tls implicit"),
    ],
)
def test_hints(serve: Serve, answers: dict[str, str], arguments: list[str], exit_code: int, hint: str) -> None:
    outcome = run_json(serve(**answers), *arguments)
    assert outcome["exit_code"] == exit_code
    assert hint in outcome["hint"]


def test_nobody_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        result = run(None, "--server", f"127.0.0.1:{unused.getsockname()[1]}", *ADDRESSES)
    assert result.exit_code == 10
    assert "is the server running" in result.stdout


def test_silent_handshake() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"127.0.0.1:{silent.getsockname()[1]}"
        result = run(None, "--server", server, "--tls", "implicit", "--timeout", "0.1", *ADDRESSES)
    assert result.exit_code == 12
    assert "no answer in time" in result.stdout


def test_unknown_host() -> None:
    result = run(None, "--server", "a..b", *ADDRESSES)
    assert result.exit_code == 10
    assert "check the spelling" in result.stdout


def test_one_refused_recipient_of_two(serve: Serve) -> None:
    server = serve(**{"RCPT TO:<no@example.net>": "550 5.1.1 unknown"})
    outcome = run_json(server, *ADDRESSES, "--to", "no@example.net")
    assert outcome["exit_code"] == 15
    assert outcome["recipients"] == {
        "accepted": ["amy@example.net"],
        "refused": {"no@example.net": "550 5.1.1 unknown"},
    }
    assert outcome["reply"] == "250 2.0.0 queued as 4711"
    assert steps(outcome)[-1] == "QUIT"


@pytest.mark.parametrize("size", [900, 901, 902, 1000, 54321])
@pytest.mark.parametrize("how", [[], ["--bdat"]], ids=["DATA", "BDAT"])
def test_size(serve: Serve, size: int, how: list[str]) -> None:
    server = serve()
    assert run(server, *ADDRESSES, "--size", size, *how).exit_code == 0
    assert len(server.content) == size
    assert f"MAIL FROM:<bob@example.org> SIZE={size}" in server.heard
    assert max(map(len, server.content.split(b"\r\n"))) <= 78


def test_file_by_data(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "message").write_bytes(b".a\n..\r\n\n.\ncaf\xe9\n.\r\nend")
    server = serve()
    result = run(server, *ADDRESSES, "--file", tmp_path / "message")
    assert result.exit_code == 0
    assert server.content == b"..a\r\n...\r\n\r\n..\r\ncaf\xe9\r\n..\r\nend\r\n"
    assert "4 bare LF line ends" in result.stdout
    assert server.heard[1].endswith("BODY=8BITMIME")


def test_burl(serve: Serve) -> None:
    server = serve()
    outcome = run_json(server, "--burl", URL, *LOGIN)
    assert outcome["ok"] is True
    assert f"BURL {URL} LAST" in server.heard
    assert outcome["steps"][-2]["sent"] == [f"BURL {URL.replace(TOKEN, '****')} LAST"]
    assert "EHLO after AUTH" in steps(outcome)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give --server"),
        (["--server", "::1", *ADDRESSES], "brackets"),
        (["--server", "x:99999", *ADDRESSES], "no port"),
        (["--server", "x", "--user", "bob"], "--from"),
        (["--server", "x", "--from", "a@b", "--to", "a> x"], "not an address"),
        (["--server", "x", "--from", "a\r\nQUIT"], "cannot be sent"),
        (["--server", "x", "--relay"], "has no meaning with --relay"),
        (["--server", "x", "--burl", URL, "--size", "9"], "has no meaning with --burl"),
        (["--server", "x", "--ca", __file__, *ADDRESSES], "no certificate"),
        (["--server", "x", "--ca", "/nowhere", *ADDRESSES], "does not exist"),
        (["--relay", "-c", "/nowhere", *ADDRESSES], "/nowhere"),
    ],
)
def test_usage(arguments: list[str], words: str) -> None:
    result = run(None, *arguments)
    assert result.exit_code == 2
    assert words in result.output


def test_relay_of_a_configuration(serve: Serve, ca_file: Path, tmp_path: Path) -> None:
    server = serve()
    (tmp_path / "gsubmit.conf").write_text(
        f"ssl = no\nhostname = msa.example\nsubmission_relay_host = 127.0.0.1\nsubmission_relay_port = {server.port}\n"
        f"submission_relay_ssl = starttls\nsubmission_relay_user = bob@example.org\n"
        f"submission_relay_password = {PASSWORD}\nssl_client_ca_file = {ca_file}\n"
    )
    result = run(None, "--relay", "-c", tmp_path / "gsubmit.conf", "--to", "amy@example.net")
    assert result.exit_code == 0, result.output
    assert server.heard[0] == "EHLO msa.example"
    assert base64.b64decode(server.heard[3].split()[2]).decode() == f"\0bob@example.org\0{PASSWORD}"


@pytest.mark.slow
def test_interrupt(serve: Serve) -> None:
    server = serve(greeting=SILENT)
    arguments = ["--server", f"127.0.0.1:{server.port}", "--json", *ADDRESSES]
    code = "from gsubmit_cli.send_test import send_test; send_test()"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    child = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    with child:
        eventually("a connection", lambda: server.talks)
        child.send_signal(signal.SIGINT)
        stdout, stderr = child.communicate(timeout=5)
    assert child.returncode == 130
    assert json.loads(stdout)["failed_step"] in ("connect", "greeting")
    assert stderr == b""


def test_password_from_prompt_and_file(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"p\xe4ss\r\nsecond line\n")
    server = serve()
    start = ["--server", f"127.0.0.1:{server.port}", "--tls", "none", *LOGIN]
    prompted = CliRunner().invoke(send_test, start, input="sesame\n")
    filed = CliRunner().invoke(send_test, [*start, "--password-file", str(tmp_path / "password")])
    assert prompted.exit_code == filed.exit_code == 0
    assert "sesame" not in prompted.output
    responses = [base64.b64decode(line.split()[2]) for line in server.heard if line.startswith("AUTH")]
    assert responses == [b"\0bob@example.org\0sesame", b"\0bob@example.org\0p\xe4ss"]
