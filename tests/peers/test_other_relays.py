"""OpenSMTPD and Exim as relays: what is submitted lies in their mailbox octet for octet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_exim import Exim, exim
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_message import assert_arrived, hard_message, small_message
from tests.harness.peer_opensmtpd import OpenSmtpd, opensmtpd
from tests.harness.peer_process import eventually
from tests.harness.serving import certificate_folder

OPENSMTPD_TRACE = ["Return-Path", "Delivered-To", "Received", "Received"]
EXIM_TRACE = ["Return-path", "Delivery-date", "Received", "Received"]
MESSAGE = hard_message(1_000_000)
VERIFIED = f"submission_relay_ssl = starttls\nssl_client_ca_file = {certificate_folder()}/ca.pem\n"


@pytest.fixture(scope="module")
def openbsd() -> Iterator[OpenSmtpd]:
    with opensmtpd() as relay:
        yield relay


@pytest.fixture(scope="module")
def cambridge() -> Iterator[Exim]:
    with exim() as relay:
        yield relay


def _next(relay: OpenSmtpd | Exim, seen: list[bytes]) -> bytes:
    (message,) = eventually("delivery", lambda: [one for one in relay.messages if one not in seen])
    return message


def test_opensmtpd_delivers_what_was_submitted(openbsd: OpenSmtpd) -> None:
    with gsubmit(openbsd.port) as server, Client(server, tls=True) as client:
        for message in (MESSAGE, small_message("second")):
            seen = openbsd.messages
            code, text = client.submit_in_chunks(message, (100_000, 17))
            assert (code, text[:6]) == (250, b"2.0.0 "), text
            assert_arrived(_next(openbsd, seen), message, OPENSMTPD_TRACE)
        assert "reused=yes" in server.log
    assert "failed-command" not in openbsd.log


@pytest.mark.parametrize("settings", ["", VERIFIED], ids=["clear", "starttls"])
@pytest.mark.parametrize("chunks", [(), (100_000, 17)], ids=["data", "bdat"])
def test_exim_delivers_what_was_submitted(cambridge: Exim, settings: str, chunks: tuple[int, ...]) -> None:
    seen, logged = cambridge.messages, len(cambridge.log)
    with gsubmit(cambridge.port, settings) as server, Client(server, tls=True) as client:
        code, text = client.submit_in_chunks(MESSAGE, chunks) if chunks else client.submit(MESSAGE)
        assert (code, text[:6], b"OK id=" in text) == (250, b"2.0.0 ", True), text
        assert_arrived(_next(cambridge, seen), MESSAGE, EXIM_TRACE)
    accepted = next(line for line in cambridge.log[logged:].splitlines() if " <= " in line)
    assert (" X=TLS1.3:" in accepted) == bool(settings)
    assert " K " in accepted  # by CHUNKING, however it came to us


def test_exim_may_close_after_some_messages() -> None:
    tokens = [f"closing-{number}" for number in range(7)]
    with exim(mails=3) as relay, gsubmit(relay.port) as server, Client(server) as client:
        for token in tokens:
            assert client.submit(small_message(token))[0] == 250, server.log
        eventually("all of them", lambda: len(relay.messages) >= len(tokens))
        for token in tokens:
            assert sum(f"<{token}@".encode() in one for one in relay.messages) == 1
