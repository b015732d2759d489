"""EXTERNAL: the name in the TLS client certificate."""

from __future__ import annotations

import pytest

from gsubmit.sasl.claims import MAX_FIELD, Denied, Identity, MalformedResponse, Proven
from gsubmit.sasl.mechanism import Channel
from gsubmit.sasl.mechanisms import MECHANISMS
from tests.unit.sasl.authority import FakeAuthority, run, start

TIM = Channel(certificate_name="tim")


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param(b"", Proven("tim"), id="EXT-1 TV-AUT-14 empty"),
        pytest.param(b"tim", Proven("tim", authorization_id="tim"), id="EXT-1 the same"),
        pytest.param("jürgen".encode(), Proven("tim", authorization_id="jürgen"), id="EXT-1 another, in UTF-8"),
    ],
)
def test_certificate(response: bytes, expected: Proven) -> None:
    authority = FakeAuthority({"tim": ""})
    challenges, identity = run(start("EXTERNAL", authority, TIM), [response])
    assert challenges == [b""]
    assert authority.asked == [expected]
    assert identity == Identity(expected.authorization_id or "tim")


@pytest.mark.parametrize(
    ("channel", "user"),
    [
        pytest.param(Channel(), "tim", id="EXT-2 TV-AUT-14 no certificate"),
        pytest.param(TIM, "tam", id="EXT-2 not a user here"),
    ],
)
def test_denied(channel: Channel, user: str) -> None:
    exchange = start("EXTERNAL", FakeAuthority({user: ""}), channel)
    next(exchange)
    with pytest.raises(Denied):
        exchange.send(b"")


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(b"a\0b", id="EXT-1 NUL"),
        pytest.param(b"a\nb", id="AUT-25 control"),
        pytest.param(b"a" * (MAX_FIELD + 1), id="too long"),
    ],
)
def test_malformed(response: bytes) -> None:
    authority = FakeAuthority({"tim": ""})
    exchange = start("EXTERNAL", authority, TIM)
    next(exchange)
    with pytest.raises(MalformedResponse):
        exchange.send(response)
    assert authority.asked == []


def test_offered_with_a_certificate_only() -> None:
    """EXT-3."""
    external = MECHANISMS["EXTERNAL"]
    assert external.is_possible(TIM) and not external.is_possible(Channel())
    assert not external.cleartext and not external.server_first
