"""Postfix as relay: what swaks sends arrives in a mailbox octet for octet."""

from __future__ import annotations

import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_clients import swaks
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_message import assert_arrived, hard_message
from tests.harness.peer_postfix import Postfix
from tests.harness.peer_process import eventually


@pytest.mark.parametrize("implicit_tls", [False, True], ids=["starttls", "implicit-tls"])
@pytest.mark.parametrize("chunking", [True, False], ids=["relay-bdat", "relay-data"])
def test_a_hard_message_of_5_mb_arrives_as_it_was_sent(
    relay_postfix: Postfix, implicit_tls: bool, chunking: bool
) -> None:
    message = hard_message()
    port = relay_postfix.port if chunking else relay_postfix.port_without_chunking
    seen = len(relay_postfix.log)
    with gsubmit(port) as server:
        ran = swaks(server, message, implicit_tls=implicit_tls)
        assert ran.code == 0, ran.output
        assert_arrived(relay_postfix.next_message(), message)
        assert ", TLS, " in server.log
        assert f"relay=127.0.0.1:{port}" in server.log
    used = "bdat=2" if chunking else "data=1"
    eventually("goodbye to Postfix", lambda: f"mail=1 rcpt=1 {used} quit=1" in relay_postfix.log[seen:])


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "starttls"])
@pytest.mark.parametrize("chunking", [True, False], ids=["relay-bdat", "relay-data"])
def test_chunks_of_odd_sizes_arrive_as_they_were_sent(relay_postfix: Postfix, tls: bool, chunking: bool) -> None:
    message = hard_message()
    sizes = (0, 1, 7, 131_071, 131_073, 999_983, 3, 1_000_003)
    port = relay_postfix.port if chunking else relay_postfix.port_without_chunking
    with gsubmit(port) as server, Client(server, tls=tls) as client:
        code, text = client.submit_in_chunks(message, sizes)
        assert (code, text[:10]) == (250, b"2.0.0 Ok: ")
        assert_arrived(relay_postfix.next_message(), message)


def test_the_client_hears_what_postfix_says(relay_postfix: Postfix) -> None:
    with gsubmit(relay_postfix.port) as server, Client(server) as client:
        elsewhere = "nobody@elsewhere.example"
        assert client.begin(elsewhere) == (554, f"5.7.1 <{elsewhere}>: Relay access denied".encode())
