"""Servers of others behind the login proxy: each takes the login and a message, and refuses in its own words."""

from __future__ import annotations

import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_burl import OWNER, BurlClient, at
from tests.harness.peer_dovecot import dovecot_auth
from tests.harness.peer_dovecot_imap import dovecot_imap
from tests.harness.peer_exim import exim
from tests.harness.peer_gsubmit import PASSWORD, USER, gsubmit
from tests.harness.peer_message import TRACE, assert_arrived, hard_message
from tests.harness.peer_postfix import Postfix, postfix
from tests.harness.peer_process import HOST, eventually
from tests.harness.peer_proxy import ADDRESS, NO_RELAY, elsewhere, refusal

MESSAGE = hard_message(1_000_000)


def test_exim() -> None:
    with exim() as backend, gsubmit(NO_RELAY, passdb=elsewhere(backend.port)) as front:
        with Client(front, tls=True) as client:
            for code, text in (client.submit(MESSAGE), client.submit_in_chunks(MESSAGE, (100_000, 17))):
                assert code == 250 and b"OK id=" in text, text
        for message in eventually("delivery", lambda: backend.messages if len(backend.messages) == 2 else []):
            assert_arrived(message, MESSAGE, ["Return-path", "Delivery-date", "Received"])
        assert backend.log.count(f" A=plain:{USER} ") == 2
        assert refusal(front) == b"Incorrect authentication data"


def test_postfix() -> None:
    with dovecot_auth({USER: PASSWORD}) as socket:
        asks = {
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": str(socket),
            "smtpd_recipient_restrictions": "permit_sasl_authenticated, reject",
            "smtpd_authorized_xclient_hosts": HOST,
        }
        with postfix({"asks": asks}) as backend, gsubmit(NO_RELAY, passdb=elsewhere(backend.ports["asks"])) as front:
            with Client(front, tls=True, address=ADDRESS) as client:
                for code, text in (client.submit(MESSAGE), client.submit_in_chunks(MESSAGE, (100_000, 17))):
                    assert (code, text[:10]) == (250, b"2.0.0 Ok: "), text
            for _ in range(2):
                assert_arrived(backend.next_message(), MESSAGE, TRACE[:-1])
            assert backend.log.count(f"[{ADDRESS}], sasl_method=SCRAM-SHA-256, sasl_username={USER}\n") == 2
            assert refusal(front).startswith(b"5.7.8 Error: authentication failed: ")


@pytest.mark.parametrize("name", ["dovecot", "gsubmit"])
def test_burl_passes(relay_postfix: Postfix, name: str) -> None:
    users = "passdb {\n driver = passwd-file\n args = {folder}/joe\n}\n"
    with dovecot_imap(relay_port=relay_postfix.port) as store, store.login("joe") as owner:
        url = owner.genurlauth(f"{store.url('joe', 'INBOX', *owner.append('INBOX', MESSAGE))};URLAUTH=submit+joe")
        settings = users + at(store.authority, OWNER)
        with gsubmit(relay_postfix.port, settings, {"joe": f"joe:{{PLAIN}}{PASSWORD}\n"}) as ours:
            port = {"dovecot": store.submission_port, "gsubmit": ours.port}[name]
            with gsubmit(NO_RELAY, passdb=elsewhere(port)) as front, BurlClient(front.port) as client:
                for line in ("MAIL FROM:<joe@example.org>", "RCPT TO:<rcpt@example.org>", f"BURL {url} LAST"):
                    assert client.say(line)[:4] == "250 ", line
    assert_arrived(relay_postfix.next_message(), MESSAGE)
