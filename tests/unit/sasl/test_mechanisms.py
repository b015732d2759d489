"""PLAIN and LOGIN, driven as the AUTH command drives them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.sasl.mechanism import MAX_FIELD, Cleartext, MalformedResponse
from gsubmit.sasl.mechanisms import MECHANISMS


def run(name: str, responses: Sequence[bytes]) -> tuple[list[bytes], Cleartext]:
    """The challenges that were sent, and the credentials."""
    exchange = MECHANISMS[name].start()
    challenges = [next(exchange)]
    *others, last = responses
    challenges += [exchange.send(response) for response in others]
    with pytest.raises(StopIteration) as end:
        exchange.send(last)
    credentials = end.value.value
    assert isinstance(credentials, Cleartext)
    return challenges, credentials


def test_names() -> None:
    assert list(MECHANISMS) == ["PLAIN", "LOGIN"]
    assert all(mechanism.cleartext and not mechanism.server_first for mechanism in MECHANISMS.values())


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param(b"test\0test\x001234", Cleartext("test", "test", "1234"), id="TV-AUT-1"),
        pytest.param(b"\0tim\0tanstaaftanstaaf", Cleartext("tim", "", "tanstaaftanstaaf"), id="TV-AUT-3"),
        pytest.param(b"Ursel\0Kurt\0xipj3plmq", Cleartext("Kurt", "Ursel", "xipj3plmq"), id="TV-AUT-4"),
        pytest.param("\0jürgen\0pä".encode(), Cleartext("jürgen", "", "pä"), id="PLN-1 UTF-8"),
        pytest.param(
            b"\0".join([b"z" * 255, b"u" * 255, b"p" * 255]),
            Cleartext("u" * 255, "z" * 255, "p" * 255),
            id="PLN-1 fields of 255 octets",
        ),
        pytest.param(b"\0tim\0\x01\r\n", Cleartext("tim", "", "\x01\r\n"), id="controls in the password are allowed"),
    ],
)
def test_plain(response: bytes, expected: Cleartext) -> None:
    assert run("PLAIN", [response]) == ([b""], expected)


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(b"", id="TV-AUT-5 empty message"),
        pytest.param(b"\0user\0", id="TV-AUT-7 PLN-4 empty password"),
        pytest.param(b"user\0pass", id="TV-AUT-7 one NUL"),
        pytest.param(b"\0user\0pass\0extra", id="TV-AUT-7 three NULs"),
        pytest.param(b"\0\xff\0pw", id="TV-AUT-7 bad UTF-8 in the name"),
        pytest.param(b"\0user\0\xff", id="bad UTF-8 in the password"),
        pytest.param(b"\xff\0user\0pw", id="bad UTF-8 in the authorization id"),
        pytest.param(b"\0\xed\xa0\x80\0pw", id="surrogate"),
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
    exchange = MECHANISMS["PLAIN"].start()
    next(exchange)
    with pytest.raises(MalformedResponse):
        exchange.send(response)


def test_login() -> None:
    """LGN-1, LGN-2, LGN-3: an initial response answers the first prompt."""
    challenges, credentials = run("LOGIN", [b"tim", b"tanstaaftanstaaf"])
    assert challenges == [b"Username:", b"Password:"]
    assert credentials == Cleartext("tim", "", "tanstaaftanstaaf")


@pytest.mark.parametrize(
    ("name", "password"),
    [
        pytest.param(b"", b"secret", id="LGN-4 empty name"),
        pytest.param(b"tim", b"", id="LGN-4 empty password"),
        pytest.param(b"ti\0m", b"secret", id="AUT-25 NUL in the name"),
        pytest.param(b"\xff", b"secret", id="name is not UTF-8"),
    ],
)
def test_login_malformed(name: bytes, password: bytes) -> None:
    exchange = MECHANISMS["LOGIN"].start()
    next(exchange)
    exchange.send(name)
    with pytest.raises(MalformedResponse):
        exchange.send(password)


def test_password_is_not_shown() -> None:
    assert "hunter2" not in repr(Cleartext("tim", "", "hunter2"))


@given(st.sampled_from(list(MECHANISMS)), st.lists(st.binary(), min_size=2, max_size=2))
def test_no_response_breaks_a_mechanism(name: str, responses: list[bytes]) -> None:
    exchange = MECHANISMS[name].start()
    next(exchange)
    try:
        for response in responses:
            exchange.send(response)
    except StopIteration as end:
        assert isinstance(end.value, Cleartext)
    except MalformedResponse as malformed:
        assert malformed.__cause__ is None
