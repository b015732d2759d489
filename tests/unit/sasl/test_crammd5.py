"""CRAM-MD5, with the exchange that RFC 2195 prints."""

from __future__ import annotations

import hmac
import re

import pytest

from gsubmit.sasl.claims import Admitted, Denied, Identity, KeysWanted, MalformedResponse
from gsubmit.sasl.crammd5 import crammd5
from gsubmit.sasl.mechanism import Channel, Exchange
from gsubmit.sasl.mechanisms import MECHANISMS
from tests.unit.sasl.authority import MADE_UP, FakeAuthority, run, start

CHALLENGE = b"<1896.697170952@postoffice.reston.mci.net>"
DIGEST = b"b913a602c7eda7a495b4e6e7334d3890"
TIM = {"tim": "tanstaaftanstaaf"}


def begun(authority: FakeAuthority, challenge: bytes = CHALLENGE) -> Exchange:
    exchange = crammd5(authority, Channel(), challenge)
    assert next(exchange) == challenge
    return exchange


def test_exchange_of_the_rfc() -> None:
    """TV-AUT-19, CRM-1."""
    authority = FakeAuthority(TIM)
    challenges, identity = run(crammd5(authority, Channel(), CHALLENGE), [b"tim " + DIGEST])
    assert challenges == [CHALLENGE]
    assert identity == Identity("tim")
    assert authority.asked == [KeysWanted("tim", scheme="CRAM-MD5")]


def test_challenge() -> None:
    """CRM-1: unique, and as a msg-id looks."""
    challenges = {next(start("CRAM-MD5", FakeAuthority())) for _ in range(50)}
    assert len(challenges) == 50
    assert all(re.fullmatch(rb"<[0-9]+\.[0-9]{10,}@mx\.example>", challenge) for challenge in challenges)
    assert MECHANISMS["CRAM-MD5"].server_first


@pytest.mark.parametrize("name", ["tim", "tim o'tam", "a  b ", " ", "jürgen"])
def test_names(name: str) -> None:
    """CRM-1: the last space ends the name."""
    exchange = start("CRAM-MD5", FakeAuthority({name: "secret"}))
    digest = hmac.new(b"secret", next(exchange), "md5").hexdigest()
    with pytest.raises(StopIteration) as end:
        exchange.send(f"{name} {digest}".encode())
    assert end.value.value == Admitted(Identity(name))


@pytest.mark.parametrize(
    ("user", "challenge", "reason"),
    [
        pytest.param("tim", b"<other@challenge>", "password mismatch", id="another challenge"),
        pytest.param("tam", CHALLENGE, "unknown user", id="unknown user"),
    ],
)
def test_denied(user: str, challenge: bytes, reason: str) -> None:
    with pytest.raises(Denied, match=reason):
        begun(FakeAuthority(TIM), challenge).send(f"{user} ".encode() + DIGEST)


def test_password_made_up_for_unknown_users() -> None:
    """AUT-24: who guesses it is still unknown."""
    digest = hmac.new(MADE_UP.encode(), CHALLENGE, "md5").hexdigest()
    with pytest.raises(Denied, match="unknown user"):
        begun(FakeAuthority(TIM)).send(f"tam {digest}".encode())


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"tim", id="no digest"),
        pytest.param(DIGEST, id="no name"),
        pytest.param(b" " + DIGEST, id="empty name"),
        pytest.param(b"tim" + DIGEST, id="no space"),
        pytest.param(b"tim " + DIGEST[:-1], id="CRM-1 digest too short"),
        pytest.param(b"tim " + DIGEST + b"0", id="CRM-1 digest too long"),
        pytest.param(b"tim " + DIGEST.upper(), id="CRM-1 upper case"),
        pytest.param(b"tim " + DIGEST + b"\n", id="line feed after it"),
        pytest.param(b"tim " + DIGEST + b" ", id="space after it"),
        pytest.param(b"t\nim " + DIGEST, id="AUT-25 control in the name"),
    ],
)
def test_malformed(response: bytes) -> None:
    authority = FakeAuthority(TIM)
    with pytest.raises(MalformedResponse):
        begun(authority).send(response)
    assert authority.asked == []
