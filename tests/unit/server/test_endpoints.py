"""What a front end says of its client's TLS counts as if it were ours (PPX-11)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from gsubmit.server import journal
from tests.harness.serving import certificate_folder
from tests.unit.server.sessions import Client, connected

CERTIFICATES = f"ssl_verify_client_cert = yes\nssl_ca = <{certificate_folder()}/ca.pem\nssl_require_crl = no\n"
EXTERNAL = CERTIFICATES + "auth_mechanisms = plain external\n"


@contextmanager
def terminated(settings: str = "", name: str = "") -> Iterator[Client]:
    """A session whose client speaks TLS with a front end."""
    with connected(settings) as client:
        client.session.ends = replace(client.session.ends, tls="TLSv1.3", certificate_name=name)
        yield client


def test_starttls_is_neither_announced_nor_taken() -> None:
    with terminated("ssl = required\nauth_failure_delay = 10ms\n") as client:
        lines = client.reply("EHLO client.example").text.split("\n")
        assert "AUTH PLAIN LOGIN" in lines
        assert "STARTTLS" not in lines
        assert client.reply("STARTTLS").code == 502


def test_passwords_are_safe() -> None:
    with terminated("ssl = required\nauth_failure_delay = 10ms\n") as client:
        client.say("EHLO client.example")
        assert client.session.is_secured
        assert client.reply("AUTH PLAIN AHVzZXIAc2VjcmV0").code == 454  # no passdb
        assert client.reply("MAIL FROM:<>").code == 530


def test_log_and_trace_tell_of_it(caplog: pytest.LogCaptureFixture) -> None:
    with terminated() as client:
        client.log_in()
        client.say("EHLO client.example", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>")
        client.reply("BDAT 14 LAST", b"Subject: x\r\n\r\n")
        assert b"with ESMTPSA" in client.delivery.messages[0][0].replace(b"\r\n\t", b" ")
        assert client.next_hop.clients[0].tls
        assert client.session.login is not None
        with caplog.at_level("INFO", logger="gsubmit.session"):
            journal.logged_in(client.session, client.session.login)
        assert ", TLS, " in caplog.text


@pytest.mark.parametrize("is_tls_with_us", [False, True])
def test_no_channel_can_be_bound(is_tls_with_us: bool) -> None:
    """PPX-11, SCR-10: the client's channel ends at the front end, also where that speaks TLS with us."""
    with terminated("auth_mechanisms = plain scram-sha-256-plus\n") as client:
        if is_tls_with_us:
            client.start_tls()
        assert not client.session.channel.bindings
        assert client.session.channel.offered == {"PLAIN"}


@pytest.mark.parametrize(
    ("settings", "name", "expected"),
    [
        pytest.param(EXTERNAL, "joe", "joe", id="a verified one"),
        pytest.param(EXTERNAL, "", "", id="none"),
        pytest.param("auth_mechanisms = plain external\n", "joe", "", id="not asked for"),
        pytest.param(EXTERNAL + "ssl_cert_username_field = emailAddress\n", "joe", "", id="another field is wanted"),
        pytest.param(EXTERNAL + "ssl_cert_username_field = CN\n", "joe", "joe", id="the field by its short name"),
        pytest.param(
            EXTERNAL + "auth_master_user_separator = *\npassdb {\n  driver = static\n  args = password=x\n  master = yes\n}\n",
            "joe*master", "", id="a master's",
        ),
    ],
)  # fmt: skip
def test_the_name_in_the_certificate(settings: str, name: str, expected: str) -> None:
    with terminated(settings, name) as client:
        assert client.session.channel.certificate_name == expected
        assert ("EXTERNAL" in client.session.channel.offered) is bool(expected)
        is_asked = "ssl_verify_client_cert" in settings
        assert client.session.has_client_certificate is bool(name and is_asked)


def test_the_front_ends_own_certificate_is_nobodys() -> None:
    """What it shows us in its own handshake names none of its clients."""
    with terminated(EXTERNAL) as client:
        client.start_tls()
        assert not client.session.has_client_certificate
        assert client.session.channel.certificate_name == ""


def test_a_login_that_needs_a_certificate() -> None:
    settings = CERTIFICATES + "auth_ssl_require_client_cert = yes\nauth_failure_delay = 10ms\n"
    with terminated(settings) as client:
        client.say("EHLO client.example")
        assert client.reply("AUTH PLAIN AHVzZXIAc2VjcmV0").code == 535
        assert client.session.attempts.reason == "client didn't send a cert"
    with terminated(settings, "joe") as client:
        client.say("EHLO client.example")
        assert client.reply("AUTH PLAIN AHVzZXIAc2VjcmV0").code == 454
