import json
import ssl
from pathlib import Path

import pytest
from gsubmit_cli.check_config import check_config

from gsubmit.relay.maildir import MaildirRelay
from gsubmit.settings.foreign import NO_USE
from tests.harness.commands import CliRunner, Result
from tests.harness.ports import free_port
from tests.harness.serving import certificate_folder
from tests.harness.smtpserver import SILENT, Server, ehlo, served

CONFIG = Path(__file__).parents[2] / "config"
GOOD = CONFIG / "good"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(check_config, [str(argument) for argument in arguments])


@pytest.fixture
def least(tmp_path: Path) -> Path:
    """The least that makes a useful server, with a user."""
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_bytes((GOOD / name).read_bytes())
    text = (GOOD / "least.conf").read_text().replace("/etc/gsubmit/users", f"{tmp_path}/users")
    (tmp_path / "users").write_text("tim:{PLAIN}x\n")
    (tmp_path / "least.conf").write_text(f"{text}hostname = msa.example.org\n")
    return tmp_path / "least.conf"


def test_summary(least: Path) -> None:
    result = run("-c", least)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{least}: no errors, 1 warning",
        "  hostname   msa.example.org",
        "  listeners  submission: port 587 on *, ::",
        "             submissions: port 465 on *, ::, TLS from the first octet",
        "  relay      mx.example.org port 25, no TLS",
        f"  passdbs    passwd-file {least.parent}/users",
        f"  TLS        yes, TLSv1.2 or later, certificate {least.parent}/cert.pem",
        f"warning: {least}: default_internal_user is empty: started by root, the server stays root",
    ]


def test_summary_of_everything() -> None:
    result = run("-c", GOOD / "language.conf")
    assert result.exit_code == 0
    assert "relay      mx.example.org port 25, no TLS, logs in as mx.example.org user" in result.stdout
    assert "passdbs    static nopassword proxy=y host=192.0.2.9" in result.stdout
    assert f"for a.example *.b.example: certificate {GOOD}/other.pem" in result.stdout
    assert "on 192.0.2.0/24: certificate" in result.stdout
    assert "ecret" not in result.stdout


DEBIAN = GOOD / "debian" / "dovecot.conf"


def test_what_nobody_can_use_is_an_error_that_says_what_to_do() -> None:
    result = run("-c", DEBIAN)
    assert result.exit_code == 1
    assert result.stderr == (
        f"{GOOD}/debian/conf.d/auth-system.conf.ext:1: nobody can log in: passdb driver pam is not supported; let Dovecot"
        " ask it: driver = dovecot, with a unix_listener of Dovecot's service auth (gsubmit.conf(5))\n"
    )
    lines = result.stdout.splitlines()
    kinds = [line.partition(":")[0] for line in lines]
    assert kinds == ["warning"] * (len(lines) - 1) + ["ignored"]
    start = f"warning: {GOOD}/debian/conf.d/auth-system.conf.ext:1: passdb driver pam is not supported yet, this"
    assert any(line.startswith(start) for line in lines)
    assert lines[-1] == "ignored: 14 settings for other services (-v names them)"


def test_difference_of_what_is_of_no_use() -> None:
    """It can be compared with doveconf -n all the same."""
    result = run("-c", DEBIAN, "-n")
    assert result.exit_code == 1
    assert "nobody can log in" in result.stderr
    assert "submission_relay_host = mx.example.org" in result.stdout.splitlines()


def test_ignored_settings_are_named_when_asked_for() -> None:
    lines = run("-c", DEBIAN, "-v").stdout.splitlines()
    assert len([line for line in lines if line.startswith("ignored: ")]) == 14
    assert f"ignored: {GOOD}/debian/conf.d/10-mail.conf:1: mail_location is ignored, {NO_USE}" in lines


def test_json(least: Path) -> None:
    """The names are those of gsubmit-check-config(8)."""
    result = run("-c", least, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert list(found) == ["file", "errors", "warnings", "notes", "ignored", "summary"]
    assert found["file"] == str(least)
    assert found["summary"]["relay"] == ["mx.example.org port 25, no TLS"]
    assert found["errors"] == []
    assert all(set(remark) == {"text", "file", "line"} for remark in found["warnings"])


def test_json_of_errors() -> None:
    result = run("-c", DEBIAN, "--json")
    assert (result.exit_code, result.stderr) == (1, "")
    found = json.loads(result.stdout)
    (error,) = found["errors"]
    assert (error["file"], error["line"]) == (f"{GOOD}/debian/conf.d/auth-system.conf.ext", 1)
    assert error["text"].startswith("nobody can log in: ")
    assert len(found["ignored"]) == 14
    (missing,) = json.loads(run("-c", "/nowhere/x.conf", "--json").stdout)["errors"]
    assert missing == {"text": "cannot be read: no such file or directory", "file": "/nowhere/x.conf", "line": 0}
    assert run("-c", DEBIAN, "--json", "-n").exit_code == 2


LOGIN = "passdb {\n driver = static\n args = password=x\n}\n"


def test_relay_with_tls(tmp_path: Path) -> None:
    text = "ssl = no\nsubmission_relay_host = mx\nsubmission_relay_ssl = starttls\nsubmission_relay_ssl_verify = no\n"
    (tmp_path / "x.conf").write_text(text + LOGIN)
    result = run("-c", tmp_path)
    assert "mx port 25, starttls, certificate not verified" in result.stdout
    assert "  TLS        no\n" in result.stdout


@pytest.mark.parametrize("arguments", [(), ("-n",)])
def test_every_error_goes_to_stderr(arguments: tuple[str, ...]) -> None:
    folder = next(CONFIG.glob("bad/*-many-at-once"))
    result = run("-c", folder / "config", *arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.replace(f"{folder}/", "") == (folder / "expected").read_text()


def test_missing_path() -> None:
    result = run("-c", "/nowhere/x.conf")
    assert result.exit_code == 1
    assert result.stderr == "/nowhere/x.conf: cannot be read: no such file or directory\n"


def test_difference(least: Path) -> None:
    result = run("-c", least, "-n")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "hostname = msa.example.org",
        "submission_relay_host = mx.example.org",
        f"ssl_cert = <{least.parent}/cert.pem",
        "ssl_key = <hidden>",
        "passdb {",
        "  driver = passwd-file",
        f"  args = {least.parent}/users",
        "}",
    ]


def test_a_certificate_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    pem = "-----BEGIN CERTIFICATE-----\n(not one)\n-----END CERTIFICATE-----\n"
    (tmp_path / "x.pem").write_text(pem)
    (tmp_path / "x.conf").write_text(f"ssl_cert = <x.pem\nssl_key = <x.pem\nsubmission_relay_host = mx\n{LOGIN}")
    result = run("-c", tmp_path / "x.conf")
    assert result.exit_code == 1
    where = f"{tmp_path}/x.pem"
    assert result.stderr == f"{tmp_path}/x.conf:2: ssl_key: {where} holds a certificate, and no private key\n"


def test_dial_shows_what_the_relay_can_do(tmp_path: Path) -> None:
    relay = MaildirRelay(tmp_path / "Maildir", "relay.example.org")
    config = tmp_path / "x.conf"
    config.write_text(f"ssl = no\nsubmission_relay_host = 127.0.0.1\nsubmission_relay_port = {relay.port}\n{LOGIN}")
    result = run("-c", config, "--dial")
    relay.close()
    assert result.exit_code == 0
    assert f"dial       127.0.0.1:{relay.port} greets: relay.example.org Maildir" in result.stdout
    assert "8BITMIME" in result.stdout


def test_dial_says_why_the_relay_cannot_be_used(tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "x.conf"
    config.write_text(f"ssl = no\nsubmission_relay_host = 127.0.0.1\nsubmission_relay_port = {port}\n{LOGIN}")
    result = run("-c", config, "--dial")
    assert result.exit_code == 1
    assert result.stderr == f"cannot connect to 127.0.0.1:{port}: Connection refused\n"


RELAY = f"ssl = no\n{LOGIN}hostname = msa.example.org\nsubmission_relay_host = 127.0.0.1\nsubmission_relay_port = "


def dialled(folder: Path, server: Server, settings: str = "") -> Result:
    """What --dial says about the relay; the lines after the summary."""
    (folder / "x.conf").write_text(f"{RELAY}{server.port}\n{settings}")
    return run("-c", folder / "x.conf", "-n", "--dial")


def said(result: Result) -> list[str]:
    lines = result.stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("  dial"))
    return [line[13:] for line in lines[start:]]


TAKEN = "takes MAIL FROM:<>; whether it takes recipients shows gsubmit send-test"


def test_dial_to_a_relay_with_nothing(tmp_path: Path) -> None:
    """Everything that clients get nevertheless, and what they do not."""
    with served(Server({"EHLO": ehlo()})) as server:
        result = dialled(tmp_path, server)
    assert result.exit_code == 0
    assert said(result) == [
        f"127.0.0.1:{server.port} greets: relay.example.net ESMTP",
        "no 8BITMIME: 8-bit messages are converted to 7-bit",
        "no BINARYMIME: binary messages are converted",
        "no CHUNKING: chunks are joined and sent with DATA",
        "no DSN: NOTIFY=SUCCESS is answered by gsubmit with a report of relaying",
        "no ENHANCEDSTATUSCODES: enhanced status codes are made from the reply codes",
        "no PIPELINING: commands are passed on one at a time",
        "no SIZE: only submission_max_mail_size limits messages",
        "no SMTPUTF8: not announced to clients",
        "no VRFY: not announced to clients",
        TAKEN,
    ]
    assert server.talks[0].verbs() == "EHLO MAIL RSET QUIT"


def test_dial_to_a_relay_with_everything(tmp_path: Path) -> None:
    keywords = [
        "8BITMIME",
        "BINARYMIME",
        "CHUNKING",
        "DSN",
        "ENHANCEDSTATUSCODES",
        "PIPELINING",
        "SIZE 5",
        "SMTPUTF8",
        "VRFY",
    ]
    with served(Server({"EHLO": ehlo(*keywords)})) as server:
        assert said(dialled(tmp_path, server))[1:] == [*keywords, TAKEN]


def relay_with_tls() -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder = certificate_folder()
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return Server({"EHLO": ehlo("STARTTLS", "AUTH PLAIN", "PIPELINING")}, context=context)


@pytest.mark.parametrize(("verify", "words"), [("yes", "verified"), ("no", "not verified")])
def test_dial_tells_about_tls_and_login(tmp_path: Path, verify: str, words: str) -> None:
    settings = f"submission_relay_ssl = starttls\nsubmission_relay_ssl_verify = {verify}\n"
    settings += f"ssl_client_ca_file = {certificate_folder()}/ca.pem\n"
    settings += "submission_relay_user = me\nsubmission_relay_password = hunter2\n"
    with served(relay_with_tls()) as server:
        result = dialled(tmp_path, server, settings)
    facts = said(result)
    assert facts[1] == "TLSv1.3, TLS_AES_256_GCM_SHA384"
    assert facts[2].startswith(f"certificate {words}")
    assert "logged in as me" in facts
    assert "hunter2" not in result.stdout


def test_dial_says_why_a_certificate_is_not_trusted(tmp_path: Path) -> None:
    with served(relay_with_tls()) as server:
        result = dialled(tmp_path, server, "submission_relay_ssl = starttls\n")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"TLS with 127.0.0.1:{server.port} failed: ")
    assert "unable to get local issuer certificate" in result.stderr


@pytest.mark.parametrize(("keywords", "warns"), [(["XCLIENT ADDR"], False), ([], True)])
def test_dial_misses_xclient(tmp_path: Path, keywords: list[str], warns: bool) -> None:
    with served(Server({"EHLO": ehlo(*keywords)})) as server:
        lines = said(dialled(tmp_path, server, "submission_relay_trusted = yes\n"))
    assert ("XCLIENT ADDR=127.0.0.1" in server.talks[0].lines) is not warns
    assert any(line.startswith("warning: submission_relay_trusted = yes") for line in lines) is warns


def test_dial_says_what_dns_says(tmp_path: Path) -> None:
    (tmp_path / "x.conf").write_text(f"ssl = no\nsubmission_relay_host = no..name\n{LOGIN}")
    result = run("-c", tmp_path / "x.conf", "--dial")
    assert result.exit_code == 1
    assert result.stderr.startswith("no..name: ")


def test_dial_without_a_relay(tmp_path: Path) -> None:
    """Whether there is nothing to connect to, when a passdb may name other servers."""
    passdb = "passdb {\n driver = dovecot\n args = /nowhere\n}\n"
    (tmp_path / "x.conf").write_text(f"ssl = no\n{passdb}")
    assert said(run("-c", tmp_path / "x.conf", "--dial")) == ["no relay to connect to"]


def test_dial_asks_with_a_sender_where_the_relay_wants_one(tmp_path: Path) -> None:
    with served(
        Server({"EHLO": ehlo(), "MAIL": lambda line: "250 Ok" if "postmaster" in line else "501 No"})
    ) as server:
        last = said(dialled(tmp_path, server))[-1]
    assert last.startswith("takes MAIL FROM:<postmaster@msa.example.org>; ")


def test_dial_shows_the_words_of_a_relay_that_takes_no_mail(tmp_path: Path) -> None:
    with served(Server({"EHLO": ehlo(), "MAIL": "530 5.7.0 Must issue a STARTTLS command first"})) as server:
        result = dialled(tmp_path, server)
    assert result.exit_code == 1
    words = "was answered with: 530 5.7.0 Must issue a STARTTLS command first"
    assert result.stderr == (
        f"127.0.0.1:{server.port} takes no mail from us: MAIL FROM:<> {words}; "
        f"MAIL FROM:<postmaster@msa.example.org> {words}\n"
    )


def test_dial_with_tls_to_a_port_without(tmp_path: Path) -> None:
    with served(Server()) as server:
        result = dialled(tmp_path, server, "submission_relay_ssl = smtps\n")
    assert result.stderr == (
        f"TLS with 127.0.0.1:{server.port} failed: wrong version number; "
        "it does not begin with TLS: is submission_relay_ssl = starttls or no meant?\n"
    )


def test_dial_without_tls_to_a_port_with(tmp_path: Path) -> None:
    with served(Server({"greeting": SILENT})) as server:
        result = dialled(tmp_path, server, "submission_relay_connect_timeout = 300 ms\n")
    assert result.stderr.endswith("in time; it may wait for TLS: is submission_relay_ssl = smtps meant?\n")


def test_dial_says_which_certificates_are_believed(tmp_path: Path) -> None:
    with served(relay_with_tls()) as server:
        result = dialled(tmp_path, server, "submission_relay_ssl = starttls\n")
    assert result.stderr == (
        f"TLS with 127.0.0.1:{server.port} failed: certificate verify failed: unable to get local issuer certificate; "
        "the CA of its certificate is to be named (ssl_client_ca_file)\n"
    )
