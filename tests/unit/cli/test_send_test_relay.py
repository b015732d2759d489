"""`gsubmit send-test --relay`: what the server does at its relay, shown step by step."""

from __future__ import annotations

import json
import ssl
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
import trustme
from gsubmit_cli.send_test import send_test

from tests.harness.commands import CliRunner
from tests.harness.smtpserver import CLOSE, TLS, Answer, Scram, Server, ehlo, served

PASSWORD = "cleAr-reLay-5"
LOGIN = f"submission_relay_user = me\nsubmission_relay_password = {PASSWORD}\n"
Outcome = dict[str, Any]


@pytest.fixture
def files(ca: trustme.CA, ca_file: Path, tmp_path: Path) -> str:
    """Settings with the CA and a certificate of our own."""
    ours = ca.issue_cert("msa.example.org")
    ours.cert_chain_pems[0].write_to_path(tmp_path / "ours.pem")
    ours.private_key_pem.write_to_path(tmp_path / "ours.key")
    return f"ssl_client_ca_file = {ca_file}\nssl_client_cert = <{tmp_path}/ours.pem\nssl_client_key = <{tmp_path}/ours.key\n"


@pytest.fixture
def asking(ca: trustme.CA) -> ssl.SSLContext:
    """TLS of a relay that wants to see a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def sent(port: int, path: Path, settings: str, *arguments: str, host: str = "127.0.0.1") -> Outcome:
    """What came of it, with the text for people under "shown"; the password is in neither."""
    (path / "gsubmit.conf").write_text(
        f"ssl = no\nhostname = msa.example\nsubmission_relay_host = {host}\nsubmission_relay_port = {port}\n{settings}"
    )
    given = ["--relay", "-c", str(path / "gsubmit.conf"), "--from", "bob@example.org", "--to", "amy@example.net"]
    shown = CliRunner().invoke(send_test, [*given, *arguments])
    told = CliRunner().invoke(send_test, [*given, *arguments, "--json"])
    assert PASSWORD not in shown.output + told.output
    outcome: Outcome = json.loads(told.stdout)
    assert outcome["exit_code"] == told.exit_code == shown.exit_code
    return outcome | {"shown": shown.stdout}


def names(outcome: Outcome) -> list[str]:
    return [step["name"] for step in outcome["steps"]]


@pytest.mark.parametrize("tls", ["starttls", "smtps"])
def test_scram_with_a_client_certificate(asking: ssl.SSLContext, files: str, tmp_path: Path, tls: str) -> None:
    scram = Scram("sha256", PASSWORD)
    offers = ehlo("STARTTLS", "SIZE 1000000", "AUTH SCRAM-SHA-256")
    answers: dict[str, Answer] = {"EHLO": offers, "AUTH": scram, "default": scram}
    with served(Server(answers, context=asking, is_tls_first=tls == "smtps")) as server:
        outcome = sent(server.port, tmp_path, f"{files}{LOGIN}submission_relay_ssl = {tls}\n")
    assert outcome["ok"], outcome["shown"]
    assert "msa.example.org" in str(server.peer_certificates[0])
    assert scram.is_proven and scram.user == "me"
    assert server.talks[0].lines[0] == "EHLO msa.example"
    opening = ["connect", "greeting", "EHLO", "STARTTLS", "TLS", "EHLO after TLS", "AUTH"]
    opening = opening if tls == "starttls" else ["connect", "TLS", "greeting", "EHLO", "AUTH"]
    assert names(outcome) == [*opening, "MAIL", "RCPT", "DATA", "message", "QUIT"]
    assert "C: AUTH SCRAM-SHA-256 ****" in outcome["shown"]
    assert "C: ****" in outcome["shown"] and "S: 235" in outcome["shown"]
    assert outcome["tls"]["verified"] and outcome["tls"]["trust"].startswith("by ")
    assert outcome["capabilities"]["SIZE"] == ["1000000"]
    assert len(server.mails) == 2  # one for people, one for programs


def test_master_user_and_xclient_over_a_unix_socket(tmp_path: Path) -> None:
    scram = Scram("sha1", PASSWORD)
    answers: dict[str, Answer] = {
        "EHLO": ehlo("XCLIENT ADDR LOGIN NAME", "AUTH SCRAM-SHA-1"), "AUTH": scram, "default": scram,
    }  # fmt: skip
    settings = f"{LOGIN}submission_relay_master_user = boss\nsubmission_relay_trusted = yes\n"
    with served(Server(answers), f"{tmp_path}/mx") as server:
        outcome = sent(25, tmp_path, settings, host=f"unix:{tmp_path}/mx")
    assert outcome["ok"], outcome["shown"]
    assert (scram.user, scram.gs2) == ("boss", "n,a=me,")
    assert "XCLIENT NAME=[UNAVAILABLE] LOGIN=bob@example.org ADDR=127.0.0.1" in server.talks[0].lines
    assert names(outcome)[:6] == ["connect", "greeting", "EHLO", "XCLIENT", "EHLO after XCLIENT", "AUTH"]


@pytest.mark.parametrize(
    ("answers", "settings", "failed", "error", "hint"),
    [
        pytest.param(
            {"greeting": "554 5.7.1 Not you"}, "", (11, "greeting"), "554 5.7.1 Not you", "block lists", id="greeting"
        ),
        pytest.param({"greeting": CLOSE}, "", (11, "greeting"), "closed by the relay", "its log says why", id="closed"),
        pytest.param({"greeting": "HTTP/1.1"}, "", (11, "greeting"), "not an SMTP reply", "SMTP server", id="nonsense"),
        pytest.param(
            {"EHLO": ehlo("AUTH PLAIN"), "AUTH": lambda line: f"{line} {b64decode(line.split()[2])[-14:].decode()}"},
            LOGIN, (13, "AUTH"), "not an SMTP reply", "SMTP server", id="nonsense with the password",
        ),
        pytest.param(
            {"EHLO": f"{ehlo('SIZE')}\r\n250 more"}, "", (11, "EHLO"), "more than it was asked", "SMTP server",
            id="more than it was asked",
        ),
        pytest.param(
            {"EHLO": ehlo("SIZE")}, "submission_relay_ssl = starttls\n", (12, "STARTTLS"), "STARTTLS",
            "submission_relay_ssl", id="no STARTTLS",
        ),
        pytest.param(
            {"EHLO": ehlo("STARTTLS"), "STARTTLS": "454 4.7.0 Not now"}, "submission_relay_ssl = starttls\n",
            (12, "STARTTLS"), "454 4.7.0 Not now", "", id="STARTTLS refused",
        ),
        pytest.param(
            {}, "submission_relay_ssl = smtps\nsubmission_relay_connect_timeout = 1s\n", (12, "TLS"), "TLS failed",
            "submission_relay_ssl", id="no TLS",
        ),
        pytest.param({}, LOGIN, (13, "AUTH"), "no mechanism", "submission_relay_ssl", id="no AUTH"),
        pytest.param(
            {"EHLO": ehlo("AUTH PLAIN"), "AUTH": lambda line: f"535 5.7.8 {line}"}, LOGIN, (13, "AUTH"), "<secret>",
            "submission_relay_password", id="password",
        ),
        pytest.param(
            {"EHLO": ehlo("XCLIENT ADDR"), "XCLIENT": "550 5.7.0 No"}, "submission_relay_trusted = yes\n",
            (11, "XCLIENT"), "550 5.7.0 No", "submission_relay_trusted", id="XCLIENT",
        ),
        pytest.param({"MAIL": "550 5.7.1 No"}, "", (14, "MAIL"), "550 5.7.1 No", "--from", id="MAIL"),
    ],
)  # fmt: skip
def test_failures(
    tmp_path: Path, answers: dict[str, Answer], settings: str, failed: tuple[int, str], error: str, hint: str
) -> None:
    with served(Server(answers)) as server:
        outcome = sent(server.port, tmp_path, settings)
    assert (outcome["exit_code"], outcome["failed_step"]) == failed, outcome["shown"]
    assert error in outcome["error"] and hint in outcome["hint"]


def test_a_certificate_that_is_not_trusted_is_shown(asking: ssl.SSLContext, tmp_path: Path) -> None:
    asking.verify_mode = ssl.CERT_NONE
    (tmp_path / "other.pem").write_bytes(trustme.CA().cert_pem.bytes())
    settings = f"ssl_client_ca_file = {tmp_path}/other.pem\nsubmission_relay_ssl = starttls\n{LOGIN}"
    with served(Server({"EHLO": ehlo("STARTTLS", "AUTH PLAIN"), "STARTTLS": TLS}, context=asking)) as server:
        outcome = sent(server.port, tmp_path, settings)
    assert (outcome["exit_code"], outcome["failed_step"]) == (12, "TLS")
    assert "ssl_client_ca_file" in outcome["hint"]
    assert outcome["tls"]["certificate"]["names"] == ["127.0.0.1"] and not outcome["tls"]["verified"]
    assert not any(line.startswith(("AUTH", "MAIL")) for talk in server.talks for line in talk.lines)


def test_names_and_addresses_that_lead_nowhere(tmp_path: Path) -> None:
    outcome = sent(25, tmp_path, "", host="no-such-name.invalid")
    assert (outcome["exit_code"], outcome["failed_step"]) == (10, "connect")
    assert "submission_relay_host" in outcome["hint"]
    outcome = sent(25, tmp_path, "", host=f"unix:{tmp_path}/nobody")
    assert (outcome["exit_code"], outcome["failed_step"]) == (10, "connect")
