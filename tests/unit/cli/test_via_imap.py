"""`gsubmit send-test --via-imap` and `--burl`: the side of the IMAP server, and what is kept secret."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gsubmit_cli.send_test import send_test

from tests.harness.commands import CliRunner, Result
from tests.harness.serving import certificate_folder
from tests.unit.cli.imapserver import CLOSE, SILENCE, TOKEN, ImapServer, imap_server

PASSWORD = "hunter2 in the wood"
PLAIN = base64.b64encode(f"\0bob@example.org\0{PASSWORD}".encode()).decode()
LOGIN = ["--user", "bob@example.org", "--to", "amy@example.net"]
RUMP = "imap://bob%40example.org@127.0.0.1:PORT/Sent;UIDVALIDITY=7/;UID=12;URLAUTH=submit+bob%40example.org"
NO_PLAIN = "* CAPABILITY IMAP4rev1 URLAUTH\r\nTAG OK done"

Serve = Callable[..., Any]  # starts a submission server with the given answers, see conftest.py


def run(server: Any, *arguments: object, stdin: str = "", **environment: str) -> Result:
    """Run the command; whatever it does, no secret may come out."""
    words = ["--server", f"127.0.0.1:{server.port}", "--tls", "none", "--timeout", "5", *LOGIN, *arguments]
    runner = CliRunner(env={"GSUBMIT_PASSWORD": PASSWORD, **environment})
    result = runner.invoke(send_test, [str(word) for word in words], input=stdin, catch_exceptions=False)
    for secret in (PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), PLAIN, TOKEN, TOKEN.upper()):
        assert secret not in result.output
    return result


def via(server: Any, imap: ImapServer, *arguments: object, tls: str = "none", **environment: str) -> Any:
    words = ["--json", "--via-imap", f"127.0.0.1:{imap.port}", "--imap-tls", tls, *arguments]
    result = run(server, *words, **environment)
    outcome = json.loads(result.stdout)
    assert outcome["exit_code"] == result.exit_code
    return outcome


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_success_in_each_tls_mode(serve: Serve, tls: str) -> None:
    server = serve()
    with imap_server(implicit=tls == "implicit") as imap:
        outcome = via(server, imap, "--ca", certificate_folder() / "ca.pem", tls=tls)
        rump = RUMP.replace("PORT", str(imap.port))
    assert outcome["ok"] is True, outcome
    assert f"BURL {rump}:INTERNAL:{TOKEN} LAST" in server.heard
    assert imap.heard[-4:] == [
        *("CAPABILITY", f'APPEND "Sent" (\\Seen) {{{len(imap.content)}}}', f'GENURLAUTH "{rump}" INTERNAL', "LOGOUT"),
    ]
    assert f"MAIL FROM:<bob@example.org> SIZE={len(imap.content)}" in server.heard
    assert imap.content.startswith(b"Date: ")
    assert f"AUTHENTICATE PLAIN {PLAIN}" in imap.heard
    found = outcome["imap"]
    assert (found["mailbox"], found["uidvalidity"], found["uid"]) == ("Sent", 7, 12)
    assert (found["tls"] is None) == (tls == "none")


def test_untrusted_certificate(serve: Serve) -> None:
    with imap_server() as imap:
        outcome = via(serve(), imap, tls="starttls")
    assert (outcome["exit_code"], outcome["failed_step"], outcome["stage"]) == (22, "IMAP TLS", "IMAP_TLS")
    assert "localhost" in outcome["imap"]["tls"]["certificate"]["names"]
    assert not any(line.startswith("AUTHENTICATE") for line in imap.heard)


@pytest.mark.parametrize(
    ("answers", "arguments", "code", "hint"),
    [
        ({"greeting": "* BYE too many"}, [], 21, "log in now"),
        ({"greeting": "* PREAUTH hello"}, [], 21, "log in now"),
        ({"greeting": "220 mx ESMTP"}, [], 21, "does not look like an IMAP server"),
        ({"greeting": CLOSE}, [], 21, "log says why"),
        ({"CAPABILITY": NO_PLAIN}, ["--imap-tls", "starttls"], 22, "--imap-tls implicit"),
        ({"STARTTLS": "TAG NO not now"}, ["--imap-tls", "starttls"], 22, "certificate"),
        ({"STARTTLS": "TAG OK go on\r\n* OK hi"}, ["--imap-tls", "starttls"], 22, "does not look like"),
        ({"AUTHENTICATE": f"TAG NO [AUTHENTICATIONFAILED] not {PASSWORD}"}, [], 23, "--imap-user"),
        ({"AUTHENTICATE": "TAG NO [PRIVACYREQUIRED] no"}, [], 23, "--imap-tls"),
        ({"AUTHENTICATE": "TAG NO [UNAVAILABLE] no"}, [], 23, "is down"),
        ({"AUTHENTICATE": "+ more?"}, [], 23, "does not look like"),
        ({"AUTHENTICATE": SILENCE}, ["--timeout", "0.2"], 23, "--imap-tls"),
        ({"CAPABILITY": "* CAPABILITY LOGINDISABLED URLAUTH\r\nTAG OK done"}, [], 23, "inside TLS"),
        ({"CAPABILITY": "* CAPABILITY IMAP4rev1\r\nTAG OK done"}, [], 25, "mail_attribute_dict"),
        ({"APPEND": "TAG NO [TRYCREATE] no such mailbox"}, [], 24, "create it"),
        ({"APPEND": "TAG NO [OVERQUOTA] full"}, [], 24, "full"),
        ({"APPEND": "TAG OK stored", "UID": "* SEARCH\r\nTAG OK done"}, [], 24, "change messages"),
        ({"GENURLAUTH": "TAG NO no"}, [], 25, "--imap-authority"),
        ({"GENURLAUTH": f'* GENURLAUTH "imap://x/y:INTERNAL:{TOKEN}"\r\nTAG OK done'}, [], 25, "log says more"),
        ({"GENURLAUTH": f'* GENURLAUTH "URL0:INTERNAL:{TOKEN}"\r\nTAG OK done'}, [], 25, "log says more"),
        ({"GENURLAUTH": "TAG OK done"}, [], 25, "log says more"),
        ({"GENURLAUTH": "* x\r\n" * 600}, [], 25, "does not look like"),
    ],
)
def test_trouble_in_each_step(
    serve: Serve, answers: dict[str, str], arguments: list[str], code: int, hint: str
) -> None:
    server = serve()
    with imap_server(False, **answers) as imap:
        outcome = via(server, imap, "--ca", certificate_folder() / "ca.pem", *arguments)
    assert outcome["exit_code"] == code, outcome
    assert hint in outcome["hint"]
    assert outcome["failed_step"].startswith("IMAP ")
    assert server.heard[-1] == "QUIT"
    assert not any(line.startswith("MAIL") for line in server.heard)


def test_nobody_there(serve: Serve) -> None:
    with imap_server() as imap:
        pass
    outcome = via(serve(), imap)
    assert (outcome["exit_code"], outcome["stage"]) == (20, "IMAP_CONNECT")
    assert "143 for STARTTLS" in outcome["hint"]


@pytest.mark.parametrize("offer", ["250 mx.example", "250-mx.example\r\n250 BURL imap://127.0.0.1"])
def test_nothing_is_stored_where_burl_is_not_offered(serve: Serve, offer: str) -> None:
    with imap_server() as imap:
        outcome = via(serve(EHLO=offer.replace("250 ", "250-") + "\r\n250 AUTH PLAIN"), imap)
    assert outcome["exit_code"] == 16
    assert "BURL" in outcome["error"]
    assert imap.heard == []


@pytest.mark.parametrize(
    ("reply", "hint"),
    [
        ("554 5.7.14 no trust", "imap_urlauth_host"),
        ("554 5.7.0 no", "submit+"),
        ("554 5.6.6 nothing there", "imap_urlauth_method"),
        ("451 4.4.1 no IMAP server", "check-config --dial"),
        ("451 4.4.2 slow", "check-config --dial"),
        ("451 4.3.5 login refused", "imap_urlauth_submit_user"),
        ("501 5.5.4 no URL", "URL of a message"),
        ("552 5.3.4 too big", "submission_max_mail_size"),
        (f"554 5.7.1 not {TOKEN}", "refused by policy"),
    ],
)
def test_refused_by_the_submission_server(serve: Serve, reply: str, hint: str) -> None:
    with imap_server() as imap:
        outcome = via(serve(BURL=reply), imap)
    assert (outcome["exit_code"], outcome["failed_step"]) == (16, "BURL")
    assert hint in outcome["hint"]
    assert outcome["imap"]["uid"] == 12


def test_people_are_told_that_the_message_stays(serve: Serve) -> None:
    with imap_server() as imap:
        words = ["--via-imap", f"127.0.0.1:{imap.port}", "--imap-tls", "none"]
        result = run(serve(RCPT="550 5.1.1 unknown"), *words)
    assert result.exit_code == 15
    assert "stored    in the mailbox Sent, where it stays: UID 12, UIDVALIDITY 7" in result.stdout


def test_without_uidplus_the_message_is_searched(serve: Serve) -> None:
    with imap_server(APPEND="TAG OK stored") as imap:
        outcome = via(serve(), imap)
    assert outcome["imap"]["uid"] == 12
    assert any(line.startswith('UID SEARCH HEADER Message-ID "<') for line in imap.heard)


def test_without_uidplus_and_message_id(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "message").write_bytes(b"Subject: x\r\n\r\nx\r\n")
    with imap_server(APPEND="TAG OK stored") as imap:
        outcome = via(serve(), imap, "--file", tmp_path / "message")
    assert outcome["exit_code"] == 24
    assert "Message-ID" in outcome["hint"]


def test_login_without_sasl(serve: Serve) -> None:
    with imap_server(CAPABILITY=NO_PLAIN) as imap:
        assert via(serve(), imap)["ok"] is True
    assert imap.heard[1] == "LOGIN {15}"


@pytest.mark.parametrize("token", [TOKEN, TOKEN.upper()])
@pytest.mark.parametrize("form", ['"{}"', "{}", "{{{size}}}\r\n{}"], ids=["quoted", "atom", "literal"])
def test_each_form_of_the_url(serve: Serve, form: str, token: str) -> None:
    server = serve()
    with imap_server() as imap:
        url = f"{RUMP.replace('PORT', str(imap.port))}:internal:{token}"
        imap.answers["GENURLAUTH"] = f"* GENURLAUTH {form.format(url, size=len(url))}\r\nTAG OK done"
        assert via(server, imap)["ok"] is True
    assert f"BURL {url} LAST" in server.heard


def test_other_users_names_and_passwords(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("sesame\n")
    server = serve()
    words = ["--imap-user", "röb", "--imap-authority", "imap.example.org", "--sent-mailbox", 'Gesendet/"ä & b"']
    with imap_server() as imap:
        imap.answers["GENURLAUTH"] = (
            "* GENURLAUTH imap://r%C3%B6b@imap.example.org/Gesendet/%22%C3%A4%20%26%20b%22;UIDVALIDITY=7/;UID=12"
            f";URLAUTH=submit+bob%40example.org:INTERNAL:{TOKEN}\r\nTAG OK done"
        )
        assert via(server, imap, *words, "--imap-password-file", tmp_path / "password")["ok"] is True
        assert via(server, imap, *words, GSUBMIT_IMAP_PASSWORD="open")["ok"] is True
        said = [base64.b64decode(line.split()[2]).decode() for line in imap.heard if line.startswith("AUTH")]
    assert said == ["\0röb\0sesame", "\0röb\0open"]
    assert any(line.startswith('APPEND "Gesendet/\\"&AOQ- &- b\\"" (\\Seen) ') for line in imap.heard)


def test_a_url_from_the_standard_input(serve: Serve) -> None:
    url = f"imap://bob@imap.example.org/Drafts/;UID=20;URLAUTH=submit+bob:internal:{TOKEN}"
    server = serve(BURL=f"554 5.6.6 nothing at {url}")
    result = run(server, "--burl", "-", stdin=f"{url}\n")
    assert result.exit_code == 16
    assert f"BURL {url} LAST" in server.heard


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (["--burl", "-"], "", "not a URL"),
        (["--burl", "-"], f"imap://x/y {TOKEN}", "not a URL"),
        (["--burl", "-"], f"imap://x/y\t{TOKEN}\n", "not a URL"),
        (["--via-imap", "x", "--burl", "imap://x/y"], "", "no meaning with --burl"),
        (["--via-imap", "x", "--bdat"], "", "no meaning with --via-imap"),
        (["--imap-user", "x"], "", "no meaning without --via-imap"),
        (["--via-imap", "imap.example.org", "--imap-tls", "none"], "", "shows the password"),
        (["--via-imap", "x:99999"], "", "no port"),
        (["--via-imap", "x", "--imap-authority", "x y"], "", "cannot stand in a URL"),
        (["--via-imap", "x", "--sent-mailbox", ""], "", "cannot stand in a URL"),
    ],
)
def test_usage(serve: Serve, arguments: list[str], stdin: str, words: str) -> None:
    server = serve()
    result = run(server, *arguments, stdin=stdin)
    assert result.exit_code == 2
    assert words in result.output
    assert server.heard == []


def test_only_who_logs_in_submits_by_url() -> None:
    result = CliRunner().invoke(send_test, ["--server", "x", "--from", "a@b", "--to", "a@b", "--via-imap", "x"])
    assert result.exit_code == 2
    assert "needs --user" in result.output
