"""From settings to the next hop (build_relay), as check-config --dial and the server have it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from gsubmit.app import CannotStart, build_relay
from gsubmit.relay.pool import Relay
from gsubmit.relay.unset import NoRelay
from gsubmit.settings.load import load_text


def built(text: str) -> Relay:
    relay = build_relay(load_text(f"ssl = no\nhostname = msa.example.org\nsubmission_relay_host = mx\n{text}").settings)
    assert isinstance(relay, Relay)
    return relay


def test_no_relay() -> None:
    assert isinstance(build_relay(load_text("ssl = no\n").settings), NoRelay)


@pytest.mark.parametrize(
    ("text", "attribute", "value"),
    [
        ("", "host", "mx"),
        ("submission_relay_host = unix:/run/mx", "unix_path", "/run/mx"),
        ("", "hostname", "msa.example.org"),
        ("", "port", 25),
        ("submission_relay_port = 587", "port", 587),
        ("submission_relay_connect_timeout = 5 secs", "connect_timeout", 5.0),
        ("submission_relay_command_timeout = 7 secs", "command_timeout", 7.0),
        ("", "tls", "no"),
        ("", "context", None),
        ("submission_relay_ssl = smtps", "tls", "smtps"),
        ("submission_relay_user = me\nsubmission_relay_password = x", "user", "me"),
        ("submission_relay_user = me\nsubmission_relay_password = x", "password", "x"),
        ("submission_relay_user = me\nsubmission_relay_password = x\nsubmission_relay_master_user = boss", "master_user", "boss"),
        ("", "trusted", False),
        ("submission_relay_trusted = yes", "trusted", True),
        ("", "auth_cleartext", False),
        ("submission_relay_auth_cleartext = yes", "auth_cleartext", True),
        ("submission_relay_rawlog_dir = /var/log/raw", "rawlog_dir", "/var/log/raw"),
    ],
)  # fmt: skip
def test_hop(text: str, attribute: str, value: object) -> None:
    assert getattr(built(text).hop, attribute) == value


@pytest.mark.parametrize(
    ("text", "limit", "idle"),
    [
        ("", 100, 1740.0),
        ("submission_relay_max_connections = 0", 0, 1740.0),
        ("submission_relay_max_connections = 7\nsubmission_relay_max_idle_time = 5 secs", 7, 5.0),
    ],
)
def test_pool(text: str, limit: int, idle: float) -> None:
    relay = built(text)
    assert (relay._max_connections, relay._turns._limit, relay._max_idle_time) == (limit, limit, idle)


@pytest.mark.parametrize(
    ("text", "keywords"),
    [
        ("submission_backend_capabilities = 8bitmime DSN smtputf8", {"8BITMIME", "DSN", "SMTPUTF8"}),
        ("submission_backend_capabilities = none", set()),
    ],
)
def test_backend_capabilities(text: str, keywords: set[str]) -> None:
    """Told without asking the relay, which is not there."""
    assert set(built(text).capabilities().keywords) == keywords


@pytest.mark.parametrize("mode", ["starttls", "smtps"])
@pytest.mark.parametrize(("verify", "expected"), [("yes", ssl.CERT_REQUIRED), ("no", ssl.CERT_NONE)])
def test_tls(mode: str, verify: str, expected: ssl.VerifyMode) -> None:
    context = built(f"submission_relay_ssl = {mode}\nsubmission_relay_ssl_verify = {verify}").hop.context
    assert context is not None and context.verify_mode == expected


def test_certificate_authorities_that_cannot_be_read() -> None:
    with pytest.raises(CannotStart, match=r"^cannot use the CA certificates in /nowhere/ca\.pem: "):
        built("submission_relay_ssl = smtps\nssl_client_ca_file = /nowhere/ca.pem")


def test_client_certificate_without_its_key(tmp_path: Path) -> None:
    trustme.CA().issue_cert("msa.example.org").cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    with pytest.raises(CannotStart, match=r"^ssl_client_cert: cannot use the certificate and key: "):
        built(f"submission_relay_ssl = smtps\nssl_client_cert = <{tmp_path}/cert.pem")
