"""Configurations that can be used, and what they amount to."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from gsubmit.settings.blocks import SUBMISSION, SUBMISSIONS, InetListener
from gsubmit.settings.load import Loaded
from gsubmit.settings.problem import SettingsError
from tests.harness.loading import load

GOOD = Path(__file__).with_name("good")
ENTRIES = [*sorted(GOOD.glob("*.conf")), GOOD / "debian" / "dovecot.conf"]
DEBIAN = Path("/etc/dovecot/dovecot.conf")


def said(loaded: Loaded, kind: str) -> list[str]:
    return [
        f"{notice.place.file.name}:{notice.place.line}: {notice.text}"
        for notice in loaded.notices
        if notice.kind == kind
    ]


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: path.name)
def test_loads(path: Path) -> None:
    load(path)


def test_least() -> None:
    loaded = load(GOOD / "least.conf")
    assert loaded.notices == ()
    assert loaded.settings.services.inet_listeners == (SUBMISSION, SUBMISSIONS)
    assert loaded.settings.ssl.ssl_cert.path == GOOD / "cert.pem"
    assert loaded.settings.ssl.ssl_cert == (GOOD / "cert.pem").read_text()
    (passdb,) = loaded.settings.passdbs
    assert (passdb.driver, passdb.args, passdb.place.line) == ("passwd-file", "/etc/gsubmit/users", 5)


def test_debian() -> None:
    loaded = load(GOOD / "debian" / "dovecot.conf")
    assert loaded.settings.auth.auth_mechanisms == ("plain",)
    assert loaded.settings.relay.host == "mx.example.org"
    assert loaded.settings.services.inet_listeners == (SUBMISSION,)
    assert loaded.settings.ssl.client.ssl_client_ca_dir == "/etc/ssl/certs"
    assert [passdb.driver for passdb in loaded.settings.passdbs] == ["pam"]
    assert said(loaded, "warning") == [
        "auth-system.conf.ext:1: passdb driver pam is not supported yet, this passdb is never consulted: "
        "logins that no other one lets in fail temporarily; driver = dovecot asks a Dovecot that has it"
    ]
    ignored = {line.partition(": ")[2].partition(" is ignored")[0] for line in said(loaded, "ignored")}
    assert {"protocols", "mail_location", "'namespace'", "'service auth'", "'protocol imap'", "ssl_dh"} <= ignored


def test_all_in_one() -> None:
    loaded = load(GOOD / "all-in-one.conf")
    assert loaded.settings.services.inet_listeners == (InetListener("submission", port=6587),)
    assert loaded.settings.services.max_clients == 400_000
    assert loaded.settings.auth.passwords.auth_cache_size == 10 << 20
    assert loaded.settings.server.listen == ("127.0.0.1",)
    assert not said(loaded, "warning")


def test_language() -> None:
    loaded = load(GOOD / "language.conf")
    settings = loaded.settings
    assert settings.server.login_greeting == 'a "quoted" # greeting \\'
    assert settings.server.listen == ("192.0.2.1", "2001:db8::1")
    assert settings.server.hostname == "mail.example.org"
    assert settings.logging.log_timestamp == "%H:%M "
    assert settings.ssl.ssl == "required"
    assert settings.ssl.ssl_key.path == GOOD / "key.pem"
    assert settings.submission.submission_max_recipients == 7
    assert settings.relay.host == "mx.example.org"
    assert settings.relay.login.user == "mx.example.org user"
    assert settings.relay.login.password == "$ecret"
    assert settings.relay.rawlog_dir == "/tmp"
    assert settings.services.max_clients == 1000
    assert settings.services.inet_listeners == (
        InetListener("submission", ("127.0.0.1", "::1"), 587, False),
        InetListener("tls", (), 10465, True),
    )


def test_certificates_by_name_and_address() -> None:
    settings = load(GOOD / "language.conf").settings
    (name,) = settings.local_names
    assert name.names == ("a.example", "*.b.example")
    assert name.ssl_cert == (GOOD / "other.pem").read_text()
    assert name.ssl_key == settings.ssl.ssl_key
    (address,) = settings.local_addresses
    assert address.network == ip_network("192.0.2.0/24")
    assert address.ssl_cert == settings.ssl.ssl_cert
    assert address.ssl_key_password == "local"


def test_folder_is_read_in_name_order(tmp_path: Path) -> None:
    (tmp_path / "20-b.conf").write_text("hostname = b\n")
    (tmp_path / "10-a.conf").write_text("ssl = no\nhostname = a\nlogin_greeting = $hostname\n")
    (tmp_path / "30-c.conf.off").write_text("no setting\n")
    server = load(tmp_path).settings.server
    assert (server.hostname, server.login_greeting) == ("b", "a")


@pytest.mark.skipif(not DEBIAN.exists(), reason="Dovecot is not installed")
def test_what_debian_ships() -> None:
    try:
        load(DEBIAN)
    except SettingsError as error:
        # Only the package's installation makes the certificate, and only root may read the key.
        assert [problem.text for problem in error.problems if "/etc/dovecot/private/" not in problem.text] == []
