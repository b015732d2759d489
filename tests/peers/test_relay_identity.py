"""XCLIENT with a Postfix that takes it: its log and its policy service see the clients behind us."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_gsubmit import Gsubmit, gsubmit
from tests.harness.peer_message import small_message
from tests.harness.peer_policy import Policy, policy
from tests.harness.peer_postfix import Postfix, postfix
from tests.harness.peer_process import eventually

TRUSTED = "submission_relay_trusted = yes"
WHO = ("client_address", "helo_name", "sasl_username", "protocol_name")
ALICE = ("127.0.0.5", "alice.example.org", "user@example.org", "ESMTP")
BOB = ("127.0.0.6", "bob.example.org", "user", "ESMTP")


@pytest.fixture(scope="module")
def asked() -> Iterator[Policy]:
    with policy() as service:
        yield service


@pytest.fixture(scope="module")
def relay(asked: Policy) -> Iterator[Postfix]:
    ask = {"smtpd_recipient_restrictions": f"check_policy_service inet:127.0.0.1:{asked.port}"}
    servers = {
        "always": {"smtpd_authorized_xclient_hosts": "127.0.0.0/8", **ask},
        # Once told of a client elsewhere, it takes no further XCLIENT.
        "once": {"smtpd_authorized_xclient_hosts": "127.0.0.1", **ask},
        "never": ask,
    }
    with postfix(servers) as running:
        yield running


def _client(server: Gsubmit, who: tuple[str, str, str, str]) -> Client:
    address, name, user, _ = who
    return Client(server, tls=True, user=user, name=name, address=address)


@pytest.mark.parametrize("authorized", ["always", "once"])
def test_postfix_sees_each_client(relay: Postfix, asked: Policy, authorized: str) -> None:
    asked.requests.clear()
    seen = len(relay.log)
    with gsubmit(relay.ports[authorized], TRUSTED) as server:
        with _client(server, ALICE) as client:
            assert client.submit(small_message("alice-1"))[0] == 250
            assert client.submit(small_message("alice-2"))[0] == 250
        with _client(server, BOB) as client:
            assert client.submit(small_message("bob-1"))[0] == 250
            with _client(server, ALICE) as another:
                assert another.submit(small_message("alice-3"))[0] == 250
            assert client.submit(small_message("bob-2"))[0] == 250
    seen_by_policy = [tuple(request[name] for name in WHO) for request in asked.requests]
    assert seen_by_policy == [ALICE, ALICE, BOB, ALICE, BOB]
    eventually("all messages in the log", lambda: "message-id=<bob-2@example.org>" in relay.log[seen:])
    log = relay.log[seen:]
    for token, (address, _, user, _) in {"alice-1": ALICE, "alice-2": ALICE, "alice-3": ALICE, "bob-2": BOB}.items():
        (queued,) = [line for line in log.splitlines() if f"message-id=<{token}@" in line]
        queue_id = queued.split(": ")[1]
        (accepted,) = [line for line in log.splitlines() if f": {queue_id}: client=" in line]
        assert f"[{address}]" in accepted
        assert f"sasl_username={user}" in accepted


def test_a_relay_that_does_not_trust_us_sees_us(relay: Postfix, asked: Policy) -> None:
    asked.requests.clear()
    with gsubmit(relay.ports["never"], TRUSTED) as server, _client(server, ALICE) as client:
        assert client.submit(small_message("alice-4"))[0] == 250
    (request,) = asked.requests
    assert (request["client_address"], request["helo_name"], request["sasl_username"]) == (
        *("127.0.0.1", "msa.example.org", ""),
    )


def test_a_relay_that_is_not_trusted_is_told_nothing(relay: Postfix, asked: Policy) -> None:
    asked.requests.clear()
    with gsubmit(relay.ports["always"]) as server, _client(server, ALICE) as client:
        assert client.submit(small_message("alice-5"))[0] == 250
    assert asked.requests[0]["client_address"] == "127.0.0.1"
    assert asked.requests[0]["sasl_username"] == ""
