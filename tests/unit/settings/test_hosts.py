"""Hosts to connect to, as people write them."""

from __future__ import annotations

import pytest

from gsubmit.settings.hosts import canonical, host_and_port, is_loopback
from gsubmit.settings.problem import SettingsError
from tests.harness.loading import load_text

BURL = "imap_urlauth_submit_password = x\nimap_urlauth_cleartext = yes\nimap_urlauth_host = {}\n"
BLOCK = "imap_urlauth_server a {{\n  host = {}\n  submit_password = x\n  cleartext = yes\n}}\n"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("mx.example", "mx.example"),
        ("mx.example.", "mx.example."),
        ("[mx.example]", "mx.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("[192.0.2.1]", "192.0.2.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("[2001:DB8::1]", "2001:DB8::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("[fe80::1%eth0]", "fe80::1%eth0"),
    ],
)
def test_host(text: str, host: str) -> None:
    for setting in (BURL, BLOCK):
        settings = load_text(f"ssl = no\nsubmission_relay_host = {text}\n{setting.format(text)}").settings
        assert settings.relay.host == host
        assert settings.burl.servers[0].host == host


@pytest.mark.parametrize(
    "text",
    [
        "[::1]:25",
        "[mx.example]:587",
        "mx.example:25",
        "mx:",
        "[::1",
        "::1]",
        "[]",
        "[a:b]",
        "[mx%1]",
        "smtp://mx",
        "mx/x",
    ],
)
@pytest.mark.parametrize("setting", ["submission_relay_host = {}\n", BURL, BLOCK], ids=["relay", "IMAP", "block"])
def test_what_is_no_host(text: str, setting: str) -> None:
    """An error, not a name that DNS does not know."""
    with pytest.raises(SettingsError, match="expected the name or the address of a host, without a port, not"):
        load_text(f"ssl = no\n{setting.format(text)}")


def test_relay_behind_a_unix_socket() -> None:
    settings = load_text("ssl = no\nsubmission_relay_host = unix:/run/[x]:1/mx\n").settings
    assert settings.relay.host == "unix:/run/[x]:1/mx"


@pytest.mark.parametrize(
    ("host", "expected"), [("localhost.", True), ("LOCALHOST", True), ("[::1]", True), ("localhost.example.", False)]
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_canonical() -> None:
    assert canonical("MX.example.") == canonical("mx.Example")
    assert canonical("[::1]") == canonical("0:0::1")


@pytest.mark.parametrize(
    ("host", "text"),
    [("mx.example", "mx.example:25"), ("192.0.2.1", "192.0.2.1:25"), ("::1", "[::1]:25"), ("[::1]", "[::1]:25")],
)
def test_host_and_port(host: str, text: str) -> None:
    assert host_and_port(host, 25) == text
