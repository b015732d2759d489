"""Postfix as relay: what swaks sends arrives in a mailbox octet for octet."""

from __future__ import annotations

import pytest

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
    used = "bdat=1" if chunking else "data=1"
    eventually("goodbye to Postfix", lambda: f"mail=1 rcpt=1 {used} quit=1" in relay_postfix.log[seen:])
