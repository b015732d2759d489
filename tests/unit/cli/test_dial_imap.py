"""`gsubmit check-config --dial` and IMAP servers that do as they are told."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from gsubmit_cli.check_config import check_config

from tests.harness.commands import CliRunner, Result
from tests.harness.serving import certificate_folder
from tests.unit.cli.imapserver import CLOSE, ImapServer, imap_server

SUBMIT = "imap_urlauth_submit_password = hunter2\n"
MASTER = "imap_urlauth_master_user = chief\nimap_urlauth_master_password = hunter2\n"


def dialled(folder: Path, server: ImapServer, settings: str, *arguments: str) -> Result:
    text = f"ssl = no\nssl_client_ca_file = {certificate_folder()}/ca.pem\n"
    text += "passdb {\n driver = static\n args = nopassword proxy=y host=%d\n}\n"  # no relay is needed
    text += f"imap_urlauth_host = 127.0.0.1\nimap_urlauth_port = {server.port}\n{settings}"
    (folder / "x.conf").write_text(text)
    result = CliRunner().invoke(check_config, ["-c", str(folder / "x.conf"), "--dial", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    assert "hunter2" not in result.output
    return result


def said(result: Result) -> list[str]:
    lines = result.stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("  imap"))
    return [line[13:] for line in lines[start:]]


def test_submit_user_and_master_user(tmp_path: Path) -> None:
    with imap_server() as server:
        result = dialled(tmp_path, server, SUBMIT + MASTER, "--imap-user", "joe")
    assert result.exit_code == 0, result.output
    assert said(result) == [
        f"127.0.0.1:{server.port} greets: OK ready",
        "no TLS",
        "logged in as submit",
        "of a made-up URL, URLFETCH gives NIL",
        "whether submit may resolve submit+ URLs shows a real one: gsubmit send-test --via-imap",
        "logged in as chief for joe",
        "URLAUTH: tokens are compared with those that the owner gets",
    ]
    logins = [base64.b64decode(line.split()[2]) for line in server.heard if line.startswith("AUTH")]
    assert logins == [b"\0submit\0hunter2", b"joe\0chief\0hunter2"]


@pytest.mark.parametrize("tls", ["starttls", "imaps"])
def test_tls(tmp_path: Path, tls: str) -> None:
    with imap_server(implicit=tls == "imaps") as server:
        result = dialled(tmp_path, server, f"{MASTER}imap_urlauth_ssl = {tls}\n")
    assert result.exit_code == 0, result.output
    assert said(result)[1].startswith("TLSv1.3, ")
    assert said(result)[2].startswith("certificate verified, for ")
    assert said(result)[-1] == "not tried: chief logs in for others; name one of them with --imap-user"


def test_summary_and_forwarded_passwords(tmp_path: Path) -> None:
    with imap_server() as server:
        result = dialled(tmp_path, server, "imap_urlauth_forward_credentials = yes\n")
    assert f"  BURL       127.0.0.1 port {server.port}, no TLS, users' own passwords" in result.stdout.splitlines()
    assert said(result)[-1].startswith("not tried: clients' own passwords")


def test_a_server_without_passwords_is_left_alone(tmp_path: Path) -> None:
    with imap_server() as server:
        result = dialled(tmp_path, server, "")
    assert said(result) == [f"127.0.0.1:{server.port} is not used: no password is set for it"]
    assert server.heard == []


@pytest.mark.parametrize(
    ("answers", "settings", "words"),
    [
        ({"AUTHENTICATE": "TAG NO [AUTHENTICATIONFAILED] no"}, SUBMIT, ": submit cannot log in: login refused: AUTH"),
        ({"AUTHENTICATE": "TAG NO no"}, MASTER, ": chief cannot log in for joe: login refused"),
        ({"AUTHENTICATE": CLOSE}, SUBMIT, " cannot be used as submit: "),
        ({"greeting": CLOSE}, SUBMIT, " cannot be used: "),
        (
            {"CAPABILITY": "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\nTAG OK done"},
            SUBMIT,
            ": no URLAUTH, which URLFETCH",
        ),
        ({"CAPABILITY": "* CAPABILITY IMAP4rev1\r\nTAG OK done"}, MASTER, "AUTHENTICATE PLAIN"),
        ({"URLFETCH": CLOSE}, SUBMIT, " cannot be used as submit: "),
        ({"CAPABILITY": "* CAPABILITY IMAP4rev1\r\nTAG OK done"}, f"{SUBMIT}imap_urlauth_ssl=starttls\n", "STARTTLS"),
    ],
)
def test_why_a_server_cannot_be_used(tmp_path: Path, answers: dict[str, str], settings: str, words: str) -> None:
    with imap_server(False, **answers) as server:
        result = dialled(tmp_path, server, settings, "--imap-user", "joe")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"127.0.0.1:{server.port}")
    assert words in result.stderr


def test_a_server_that_takes_offence_at_urlfetch(tmp_path: Path) -> None:
    with imap_server(URLFETCH="TAG BAD what?") as server:
        result = dialled(tmp_path, server, SUBMIT)
    assert any(line.startswith("warning: of a made-up URL, the server says ") for line in said(result))


def test_an_untrusted_certificate(tmp_path: Path) -> None:
    with imap_server() as server:
        settings = f"{SUBMIT}imap_urlauth_ssl = starttls\nssl_client_ca_file =\n"
        result = dialled(tmp_path, server, settings)
    assert result.exit_code == 1
    assert result.stderr == (
        f"127.0.0.1:{server.port} cannot be used: certificate verify failed: unable to get local issuer certificate; "
        "the CA of its certificate is to be named (ssl_client_ca_file)\n"
    )


def test_tls_to_a_port_without(tmp_path: Path) -> None:
    with imap_server() as server:
        result = dialled(tmp_path, server, f"{SUBMIT}imap_urlauth_ssl = imaps\n")
    assert result.stderr == (
        f"127.0.0.1:{server.port} cannot be used: wrong version number; "
        "it does not begin with TLS: is imap_urlauth_ssl = starttls meant, or another port?\n"
    )


def test_every_server_is_tried(tmp_path: Path) -> None:
    """Also when the relay and another server cannot be used."""
    with imap_server() as gone:
        pass
    with imap_server() as server:
        block = (
            f"imap_urlauth_server other {{\n host = localhost\n port = {gone.port}\n submit_password = hunter2\n}}\n"
        )
        relay = f"submission_relay_host = 127.0.0.1\nsubmission_relay_port = {gone.port}\n"
        result = dialled(tmp_path, server, SUBMIT + block + relay)
    assert result.exit_code == 1
    assert "logged in as submit" in said(result)
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["cannot connect to 127.0.0.1", "localhost"]


def test_imap_user_is_for_dial() -> None:
    result = CliRunner().invoke(check_config, ["-c", "/nowhere", "--imap-user", "joe"])
    assert result.exit_code == 2
    assert "no meaning without --dial" in result.output
