from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gsubmit_cli.check_config import check_config

from gsubmit.relay.maildir import MaildirRelay
from tests.harness.serving import free_port

CONFIG = Path(__file__).parents[2] / "config"
GOOD = CONFIG / "good"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(check_config, [str(argument) for argument in arguments])


def test_summary() -> None:
    result = run("-c", GOOD / "least.conf")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{GOOD}/least.conf: no errors",
        "  listeners  submission: port 587 on *, ::",
        "             submissions: port 465 on *, ::, TLS from the first octet",
        "  relay      mx.example.org port 25, no TLS",
        "  passdbs    passwd-file /etc/gsubmit/users",
        f"  TLS        yes, TLSv1.2 or later, certificate {GOOD}/cert.pem",
        "warning: passdb file /etc/gsubmit/users cannot be read",
    ]


def test_summary_of_everything() -> None:
    result = run("-c", GOOD / "language.conf")
    assert result.exit_code == 0
    assert "relay      mx.example.org port 25, no TLS, logs in as mx.example.org user" in result.stdout
    assert "passdbs    none" in result.stdout
    assert f"for a.example *.b.example: certificate {GOOD}/other.pem" in result.stdout
    assert "on 192.0.2.0/24: certificate" in result.stdout
    assert "ecret" not in result.stdout


def test_notices_come_after_the_summary() -> None:
    lines = run("-c", GOOD / "debian" / "dovecot.conf").stdout.splitlines()
    place = f"{GOOD}/debian/conf.d/auth-system.conf.ext:1"
    assert f"warning: {place}: passdb driver pam is not supported yet, this passdb is never consulted" in lines
    assert all(line.startswith(("ignored: ", "warning: ", "note: ")) for line in lines[5:])


def test_relay_with_tls(tmp_path: Path) -> None:
    text = "ssl = no\nsubmission_relay_host = mx\nsubmission_relay_ssl = starttls\nsubmission_relay_ssl_verify = no\n"
    (tmp_path / "x.conf").write_text(text)
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


def test_difference() -> None:
    result = run("-c", GOOD / "least.conf", "-n")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "submission_relay_host = mx.example.org",
        f"ssl_cert = <{GOOD}/cert.pem",
        "ssl_key = <hidden>",
        "passdb {",
        "  driver = passwd-file",
        "  args = /etc/gsubmit/users",
        "}",
    ]


def test_a_certificate_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    pem = "-----BEGIN CERTIFICATE-----\n(not one)\n-----END CERTIFICATE-----\n"
    (tmp_path / "x.pem").write_text(pem)
    (tmp_path / "x.conf").write_text("ssl_cert = <x.pem\nssl_key = <x.pem\n")
    result = run("-c", tmp_path / "x.conf")
    assert result.exit_code == 1
    assert result.stderr.startswith("ssl_cert: cannot use the certificate and key")


def test_dial_shows_what_the_relay_can_do(tmp_path: Path) -> None:
    relay = MaildirRelay(tmp_path / "Maildir", "relay.example.org")
    config = tmp_path / "x.conf"
    config.write_text(f"ssl = no\nsubmission_relay_host = 127.0.0.1\nsubmission_relay_port = {relay.port}\n")
    result = run("-c", config, "--dial")
    relay.close()
    assert result.exit_code == 0
    assert f"dial       127.0.0.1:{relay.port} greets: relay.example.org Maildir" in result.stdout
    assert "8BITMIME" in result.stdout


def test_dial_says_why_the_relay_cannot_be_used(tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "x.conf"
    config.write_text(f"ssl = no\nsubmission_relay_host = 127.0.0.1\nsubmission_relay_port = {port}\n")
    result = run("-c", config, "--dial")
    assert result.exit_code == 1
    assert result.stderr == f"cannot connect to 127.0.0.1:{port}: Connection refused\n"
