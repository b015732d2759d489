"""TLS with a Postfix whose certificate is signed by a private CA."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.harness.peer_bdat import Client
from tests.harness.peer_clients import run
from tests.harness.peer_gsubmit import gsubmit, gsubmit_program
from tests.harness.peer_message import assert_arrived, hard_message, small_message
from tests.harness.peer_postfix import Postfix, postfix
from tests.harness.serving import certificate_folder

SERVERS = {
    "smtps": {"smtpd_tls_wrappermode": "yes"},
    "starttls": {"smtpd_tls_security_level": "encrypt"},
    "clear": {"smtpd_tls_security_level": "none"},
    "poor": {
        "smtpd_tls_wrappermode": "yes",
        "smtpd_discard_ehlo_keywords": "8bitmime, chunking, dsn, enhancedstatuscodes, pipelining, size, smtputf8, vrfy",
    },
}
TLS = pytest.mark.parametrize("tls", ["smtps", "starttls"])
OUR_CA = f"ssl_client_ca_file = {certificate_folder()}/ca.pem\n"


@pytest.fixture(scope="module")
def relay() -> Iterator[Postfix]:
    with postfix(SERVERS) as running:
        yield running


@TLS
@pytest.mark.parametrize("trust", [OUR_CA, "submission_relay_ssl_verify = no\n"], ids=["verified", "not-verified"])
def test_a_message_goes_through_tls(relay: Postfix, tls: str, trust: str) -> None:
    message, seen = hard_message(1_000_000), len(relay.log)
    with gsubmit(relay.ports[tls], f"submission_relay_ssl = {tls}\n{trust}") as server, Client(server) as client:
        assert client.submit(message)[0] == 250
        assert_arrived(relay.next_message(), message)
    assert "TLS connection established from localhost[127.0.0.1]: TLSv1.3 with cipher" in relay.log[seen:]


@TLS
def test_a_certificate_of_an_unknown_ca_is_refused(relay: Postfix, tls: str) -> None:
    with gsubmit(relay.ports[tls], f"submission_relay_ssl = {tls}") as server, Client(server) as client:
        code, text = client.submit(small_message("refused"))
        assert (code, text) == (451, b"4.4.1 Cannot reach the relay server, try again later")
        why = "certificate verify failed: unable to get local issuer certificate"
        assert f"relay: TLS with 127.0.0.1:{relay.ports[tls]} failed: " in server.log
        assert why in server.log
        assert client.noop()[0] == 250
    assert "refused@example.org" not in relay.log


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    ca, other = trustme.CA(), tmp_path / "other.pem"
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    ca.issue_cert("other.example.org").private_key_and_cert_chain_pem.write_to_path(other)
    server_settings = {"smtpd_tls_security_level": "encrypt", "smtpd_tls_chain_files": str(other)}
    settings = f"submission_relay_ssl = starttls\nssl_client_ca_file = {tmp_path}/ca.pem"
    with postfix({"other": server_settings}) as relay, gsubmit(relay.ports["other"], settings) as server:
        with Client(server) as client:
            assert client.submit(small_message("refused"))[0] == 451
        assert "certificate is not valid for '127.0.0.1'" in server.log


def test_a_relay_without_starttls_gets_no_clear_text(relay: Postfix) -> None:
    with (
        gsubmit(relay.ports["clear"], f"submission_relay_ssl = starttls\n{OUR_CA}") as server,
        Client(server) as client,
    ):
        assert client.submit(small_message("refused"))[0] == 451
        assert "does not offer STARTTLS" in server.log


def test_dial_tells_what_it_found(relay: Postfix) -> None:
    port = relay.ports["starttls"]
    with gsubmit(port, f"submission_relay_ssl = starttls\n{OUR_CA}") as server:
        ran = run([gsubmit_program(), "check-config", "-c", str(server.folder / "gsubmit.conf"), "--dial"])
    assert ran.code == 0, ran.output
    for line in (
        f"127.0.0.1:{port} greets: relay.example.org ESMTP Postfix",
        "TLSv1.3",
        "verified",
        *("8BITMIME", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES", "ETRN", "PIPELINING", "SIZE 50000000", "SMTPUTF8"),
        "no BINARYMIME: binary messages are converted",
    ):
        assert line in ran.output, ran.output
    assert "no DSN" not in ran.output


def test_dial_tells_what_gsubmit_supplies(relay: Postfix) -> None:
    with gsubmit(relay.ports["poor"], f"submission_relay_ssl = smtps\n{OUR_CA}") as server:
        ran = run([gsubmit_program(), "check-config", "-c", str(server.folder / "gsubmit.conf"), "--dial"])
    assert ran.code == 0, ran.output
    for line in (
        "no 8BITMIME: 8-bit messages are converted to 7-bit",
        "no BINARYMIME: binary messages are converted",
        "no CHUNKING: chunks are joined and sent with DATA",
        "no DSN: NOTIFY=SUCCESS is answered by gsubmit with a report of relaying",
        "no ENHANCEDSTATUSCODES: enhanced status codes are made from the reply codes",
        "no PIPELINING: commands are passed on one at a time",
        "no SIZE: only submission_max_mail_size limits messages",
        "no SMTPUTF8: not announced to clients",
    ):
        assert line in ran.output, ran.output


def test_dial_says_why_a_relay_cannot_be_used(relay: Postfix) -> None:
    with gsubmit(relay.ports["starttls"], "submission_relay_ssl = starttls") as server:
        ran = run([gsubmit_program(), "check-config", "-c", str(server.folder / "gsubmit.conf"), "--dial"])
    assert ran.code == 1
    assert "unable to get local issuer certificate" in ran.output
