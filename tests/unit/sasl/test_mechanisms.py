"""PLAIN and LOGIN, driven as the AUTH command drives them, and what is true of all mechanisms."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsubmit.sasl.claims import MAX_FIELD, Admitted, Cleartext, Denied, Identity, MalformedResponse, octets_of
from gsubmit.sasl.mechanism import Channel
from gsubmit.sasl.mechanisms import MECHANISMS
from tests.unit.sasl.authority import FakeAuthority, run, start


def test_names() -> None:
    """AUT-1; clients see them in the order of auth_mechanisms."""
    assert list(MECHANISMS) == [
        "PLAIN",
        "LOGIN",
        "SCRAM-SHA-256-PLUS",
        "SCRAM-SHA-256",
        "SCRAM-SHA-1-PLUS",
        "SCRAM-SHA-1",
        "EXTERNAL",
        "OAUTHBEARER",
        "XOAUTH2",
        "CRAM-MD5",
    ]
    assert {name for name, mechanism in MECHANISMS.items() if mechanism.cleartext} == {
        "OAUTHBEARER",
        "XOAUTH2",
        "PLAIN",
        "LOGIN",
    }
    assert {name for name, mechanism in MECHANISMS.items() if mechanism.server_first} == {"CRAM-MD5"}


@pytest.mark.parametrize("name", [name for name, mechanism in MECHANISMS.items() if not mechanism.server_first])
def test_first_challenge(name: str) -> None:
    """AUT-6: it is empty, except that LOGIN has prompts."""
    assert next(start(name, FakeAuthority())) == (b"Username:" if name == "LOGIN" else b"")


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param(b"test\0test\x001234", Cleartext("test", "1234", authorization_id="test"), id="TV-AUT-1"),
        pytest.param(b"\0tim\0tanstaaftanstaaf", Cleartext("tim", "tanstaaftanstaaf"), id="TV-AUT-3"),
        pytest.param(
            b"Ursel\0Kurt\0xipj3plmq", Cleartext("Kurt", "xipj3plmq", authorization_id="Ursel"), id="TV-AUT-4"
        ),
        pytest.param("\0jürgen\0pä".encode(), Cleartext("jürgen", "pä"), id="PLN-1 UTF-8"),
        pytest.param(
            b"\0".join([b"z" * 255, b"u" * 255, b"p" * 255]),
            Cleartext("u" * 255, "p" * 255, authorization_id="z" * 255),
            id="PLN-1 fields of 255 octets",
        ),
        pytest.param(b"\0tim\0\x01\r\n", Cleartext("tim", "\x01\r\n"), id="controls in the password are allowed"),
    ],
)
def test_plain(response: bytes, expected: Cleartext) -> None:
    authority = FakeAuthority({expected.authentication_id: expected.password})
    challenges, identity = run(start("PLAIN", authority), [response])
    assert challenges == [b""]
    assert authority.asked == [expected]
    assert identity == Identity(expected.authorization_id or expected.authentication_id)


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(b"", id="TV-AUT-5 empty message"),
        pytest.param(b"\0user\0", id="TV-AUT-7 PLN-4 empty password"),
        pytest.param(b"user\0pass", id="TV-AUT-7 one NUL"),
        pytest.param(b"\0user\0pass\0extra", id="TV-AUT-7 three NULs"),
        pytest.param(b"\0\0pass", id="PLN-1 empty name"),
        pytest.param(b"\0ti\nm\0pass", id="AUT-25 LF in the name"),
        pytest.param(b"\0tim\x7f\0pass", id="AUT-25 DEL in the name"),
        pytest.param("\0tim\x85\0pass".encode(), id="AUT-25 C1 in the name"),
        pytest.param(b"t\rim\0tim\0pass", id="AUT-25 CR in the authorization id"),
        pytest.param(b"\0" + b"u" * (MAX_FIELD + 1) + b"\0pass", id="name too long"),
        pytest.param(b"\0user\0" + b"p" * (MAX_FIELD + 1), id="password too long"),
    ],
)
def test_plain_malformed(response: bytes) -> None:
    authority = FakeAuthority({"user": ""})
    exchange = start("PLAIN", authority)
    next(exchange)
    with pytest.raises(MalformedResponse):
        exchange.send(response)
    assert authority.asked == []


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param((b"", b"us\xe9r", b"pw"), id="TV-AUT-7 name in Latin-1"),
        pytest.param((b"", b"user", b"caf\xe9"), id="password in Latin-1"),
        pytest.param((b"\xff", b"user", b"pw"), id="authorization id"),
        pytest.param((b"", b"user", b"\xed\xa0\x80\xc0\xaf\xff"), id="surrogate, overlong form, and 255"),
    ],
)
@pytest.mark.parametrize("name", ["PLAIN", "LOGIN"])
def test_octets_that_are_not_utf8(name: str, fields: tuple[bytes, bytes, bytes]) -> None:
    """A wrong password like any other, which the client can ask its user about again; and perhaps the right one."""
    authority = FakeAuthority()
    with pytest.raises(Denied):
        run(start(name, authority), [b"\0".join(fields)] if name == "PLAIN" else fields[1:])
    claim = authority.asked[0]
    assert isinstance(claim, Cleartext)
    assert (octets_of(claim.authentication_id), octets_of(claim.password)) == fields[1:]


def test_login() -> None:
    """LGN-1, LGN-2, LGN-3: an initial response answers the first prompt."""
    authority = FakeAuthority({"tim": "tanstaaftanstaaf"})
    challenges, identity = run(start("LOGIN", authority), [b"tim", b"tanstaaftanstaaf"])
    assert challenges == [b"Username:", b"Password:"]
    assert authority.asked == [Cleartext("tim", "tanstaaftanstaaf")]
    assert identity == Identity("tim")


@pytest.mark.parametrize(
    ("name", "password"),
    [
        pytest.param(b"", b"secret", id="LGN-4 empty name"),
        pytest.param(b"tim", b"", id="LGN-4 empty password"),
        pytest.param(b"ti\0m", b"secret", id="AUT-25 NUL in the name"),
    ],
)
def test_login_malformed(name: bytes, password: bytes) -> None:
    exchange = start("LOGIN", FakeAuthority())
    next(exchange)
    exchange.send(name)
    with pytest.raises(MalformedResponse):
        exchange.send(password)


@pytest.mark.parametrize(
    ("name", "responses"), [("PLAIN", [b"\0tim\0wrong"]), ("LOGIN", [b"tim", b"wrong"])], ids=["PLAIN", "LOGIN"]
)
def test_denied(name: str, responses: list[bytes]) -> None:
    with pytest.raises(Denied):
        run(start(name, FakeAuthority({"tim": "right"})), responses)


def test_password_is_not_shown() -> None:
    assert "hunter2" not in repr(Cleartext("tim", "hunter2"))


EVERYTHING = Channel("mx.example", frozenset(MECHANISMS), {"tls-exporter": lambda: bytes(32)}, "tim")
PARTS = [
    b"n,",
    b"y,",
    b"a=x,",
    b"\x01",
    b"auth=",
    b"Bearer t",
    b"user=u",
    b"\0",
    b"tim",
    b" ",
    b"0" * 32,
    b"host=h",
    b"=",
]


@settings(deadline=None)
@given(
    st.sampled_from(list(MECHANISMS)),
    st.lists(st.binary() | st.lists(st.sampled_from(PARTS), max_size=8).map(b"".join), min_size=3, max_size=3),
)
def test_no_response_breaks_a_mechanism(name: str, responses: list[bytes]) -> None:
    """And nobody gets in, but by EXTERNAL as the user of the certificate."""
    exchange = start(name, FakeAuthority({"tim": "right"}), EVERYTHING)
    next(exchange)
    try:
        for response in responses:
            exchange.send(response)
    except StopIteration as end:
        assert name == "EXTERNAL" and isinstance(end.value, Admitted)
    except (Denied, MalformedResponse) as refused:
        assert refused.__cause__ is None
