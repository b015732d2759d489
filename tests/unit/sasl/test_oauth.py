"""OAUTHBEARER and XOAUTH2."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest

from gsubmit.sasl.claims import MAX_FIELD, Barred, Denied, Identity, MalformedResponse, Token, TokenRefused
from gsubmit.sasl.mechanisms import MECHANISMS
from gsubmit.sasl.oauth import MAX_TOKEN
from tests.unit.sasl.authority import FakeAuthority, run, start

TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
USER = "user@example.com"
KNOWN = {TOKEN: USER, "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg": "someuser@example.com"}
BEARER = b"auth=Bearer " + TOKEN.encode()
RFC = b64decode(
    "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNS"
    "bGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
)
VENDOR = b64decode(
    "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cB"
    "AQ=="
)
INVALID_TOKEN = b64decode("eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=")


@pytest.mark.parametrize(
    ("name", "response", "user", "token"),
    [
        pytest.param("OAUTHBEARER", RFC, USER, TOKEN, id="TV-AUT-26 of the RFC"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01auth=Bearer t\x01\x01", "u", "t", id="OAB-1 auth alone"),
        pytest.param("OAUTHBEARER", b"n,,\x01auth=Bearer t\x01\x01", "", "t", id="OAB-1 no authorization id"),
        pytest.param("OAUTHBEARER", b"y,a=u,\x01auth=Bearer t\x01\x01", "u", "t", id="OAB-8 flag y"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01auth=bEARER   t\x01\x01", "u", "t", id="OAB-2 scheme in any case"),
        pytest.param("OAUTHBEARER", b"n,a=a=2Cb=3D2C,\x01auth=Bearer t\x01\x01", "a,b=2C", "t", id="SCR-3 escapes"),
        pytest.param(
            "OAUTHBEARER",
            b"n,a=u,\x01mthd=\x01XyZ=a=b \t\r\n~\x01auth=Bearer t\x01qs=\x01\x01",
            "u",
            "t",
            id="OAB-2 other keys are ignored",
        ),
        pytest.param(
            "OAUTHBEARER", b"n,a=u,\x01auth=Bearer aA0-._~+/==\x01\x01", "u", "aA0-._~+/==", id="RFC 6750 2.1"
        ),
        pytest.param(
            "OAUTHBEARER", b"n,a=u,\x01auth=Bearer %b\x01\x01" % (b"t" * 16000), "u", "t" * 16000, id="long token"
        ),
        pytest.param(
            "XOAUTH2",
            VENDOR,
            "someuser@example.com",
            "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
            id="TV-AUT-29 XOA-1 of the vendor",
        ),
        pytest.param("XOAUTH2", "user=jürgen\x01auth=bearer t\x01\x01".encode(), "jürgen", "t", id="XOA-1 UTF-8"),
        pytest.param("XOAUTH2", b"user=a,b=c\x01auth=Bearer t\x01\x01", "a,b=c", "t", id="XOA-1 no escapes"),
    ],
)
def test_token(name: str, response: bytes, user: str, token: str) -> None:
    authority = FakeAuthority(tokens={token: user})
    challenges, identity = run(start(name, authority), [response])
    assert challenges == [b""]
    assert authority.asked == [Token(user, token=token)]
    assert identity == Identity(user)


@pytest.mark.parametrize("dummy", [b"\x01", b"", b"anything"], ids=["TV-AUT-27 AQ==", "empty", "anything"])
@pytest.mark.parametrize(
    ("name", "response", "explanation"),
    [
        pytest.param("OAUTHBEARER", RFC, INVALID_TOKEN, id="TV-AUT-27 OAB-4"),
        pytest.param(
            "OAUTHBEARER",
            b64decode("bixhPXVzZXJAZXhhbXBsZS5jb20sAWF1dGg9AQE="),
            INVALID_TOKEN,
            id="TV-AUT-28 OAB-5 discovery",
        ),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01auth=MAC t\x01\x01", INVALID_TOKEN, id="OAB-2 another scheme"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01auth=Bearer\x01\x01", INVALID_TOKEN, id="no token"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01auth=Bearer a b\x01\x01", INVALID_TOKEN, id="not a token"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01auth=Bearer a=b\x01\x01", INVALID_TOKEN, id="padding within"),
        pytest.param("XOAUTH2", VENDOR, b'{"status":"401","schemes":"bearer","scope":""}', id="TV-AUT-29 XOA-2"),
        pytest.param(
            "XOAUTH2",
            b"user=u\x01auth=\x01\x01",
            b'{"status":"401","schemes":"bearer","scope":""}',
            id="XOA-2 no token",
        ),
    ],
)
def test_refused(name: str, response: bytes, explanation: bytes, dummy: bytes) -> None:
    exchange = start(name, FakeAuthority())
    next(exchange)
    assert exchange.send(response) == explanation
    with pytest.raises(Denied):
        exchange.send(dummy)


@pytest.mark.parametrize(
    "response", [b"n,a=u,\x01auth=\x01\x01", b"n,a=u,\x01auth=Basic dGlt\x01\x01"], ids=["empty", "Basic"]
)
def test_nobody_is_asked_without_a_token(response: bytes) -> None:
    """OAB-5; and not even an authority that would take an empty one lets anybody in."""
    authority = FakeAuthority(tokens={"": "u"})
    exchange = start("OAUTHBEARER", authority)
    next(exchange)
    exchange.send(response)
    with pytest.raises(TokenRefused):
        exchange.send(b"\x01")
    assert authority.asked == []


@pytest.mark.parametrize(
    ("refusal", "openid", "vendor"),
    [
        pytest.param(
            TokenRefused("expired"),
            {"status": "invalid_token"},
            {"status": "401", "schemes": "bearer", "scope": ""},
            id="OAB-5 invalid_token",
        ),
        pytest.param(
            TokenRefused("x", status="insufficient_scope", scope="mail send"),
            {"status": "insufficient_scope", "scope": "mail send"},
            {"status": "403", "schemes": "bearer", "scope": "mail send"},
            id="OAB-5 insufficient_scope",
        ),
        pytest.param(
            TokenRefused("x", status="invalid_request", openid_configuration="https://login.example/é"),
            {"status": "invalid_request", "openid-configuration": "https://login.example/é"},
            {"status": "400", "schemes": "bearer", "scope": ""},
            id="OAB-4 openid-configuration",
        ),
        pytest.param(
            TokenRefused("x", status="own_word"),
            {"status": "own_word"},
            {"status": "401", "schemes": "bearer", "scope": ""},
            id="a status of another registry",
        ),
    ],
)
def test_explanation(refusal: TokenRefused, openid: dict[str, str], vendor: dict[str, str]) -> None:
    """The log's reason is not in it, and the refusal is raised as it came."""
    for name, response, expected in (("OAUTHBEARER", RFC, openid), ("XOAUTH2", VENDOR, vendor)):
        exchange = start(name, FakeAuthority(refusal=refusal))
        next(exchange)
        assert json.loads(exchange.send(response)) == expected
        with pytest.raises(TokenRefused) as denied:
            exchange.send(b"\x01")
        assert denied.value is refusal


def test_client_may_cancel() -> None:
    """TV-AUT-27 with `*`: the driver closes the exchange."""
    exchange = start("OAUTHBEARER", FakeAuthority())
    next(exchange)
    exchange.send(RFC)
    exchange.close()


@pytest.mark.parametrize(
    ("name", "response"),
    [
        pytest.param("OAUTHBEARER", b"", id="empty"),
        pytest.param("OAUTHBEARER", b"\x01", id="OAB-6 a lone ^A"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01\x01", id="OAB-2 no auth"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01host=h\x01\x01", id="OAB-2 no auth among others"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01%b\x01%b\x01\x01" % (BEARER, BEARER), id="OAB-2 two of auth"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01AUTH=Bearer t\x01\x01", id="OAB-2 auth in capitals"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01" + BEARER + b"\x01", id="OAB-1 one ^A at the end"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01" + BEARER, id="OAB-1 no ^A at the end"),
        pytest.param("OAUTHBEARER", b"n,a=u," + BEARER + b"\x01\x01", id="OAB-1 no ^A after the gs2-header"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01" + BEARER + b"\x01\x01x", id="OAB-1 text after the end"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01\x01" + BEARER + b"\x01\x01", id="OAB-1 an empty pair"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01ho-st=h\x01" + BEARER + b"\x01\x01", id="OAB-1 key with a hyphen"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01=h\x01" + BEARER + b"\x01\x01", id="OAB-1 empty key"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01host\x01" + BEARER + b"\x01\x01", id="OAB-1 key without value"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01host=\xc3\xa9\x01" + BEARER + b"\x01\x01", id="OAB-1 value not ASCII"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01host=\0\x01" + BEARER + b"\x01\x01", id="OAB-1 NUL in a value"),
        pytest.param("OAUTHBEARER", b"p=tls-exporter,a=u,\x01" + BEARER + b"\x01\x01", id="OAB-8 flag p"),
        pytest.param("OAUTHBEARER", b"F,n,a=u,\x01" + BEARER + b"\x01\x01", id="RFC 5801 4 non-standard flag"),
        pytest.param("OAUTHBEARER", b"n,user=u,\x01" + BEARER + b"\x01\x01", id="ERR-5 user= in the header"),
        pytest.param("OAUTHBEARER", b"n,a=,\x01" + BEARER + b"\x01\x01", id="OAB-1 empty a="),
        pytest.param("OAUTHBEARER", b"n,a=u=2cv,\x01" + BEARER + b"\x01\x01", id="SCR-3 unknown escape"),
        pytest.param("OAUTHBEARER", b"n,a=u\nv,\x01" + BEARER + b"\x01\x01", id="AUT-25 control in the name"),
        pytest.param("OAUTHBEARER", b"n,a=%b,\x01auth=\x01\x01" % (b"u" * (MAX_FIELD + 1)), id="name too long"),
        pytest.param("OAUTHBEARER", b"n,a=u,\x01auth=Bearer %b\x01\x01" % (b"t" * MAX_TOKEN), id="token too long"),
        pytest.param("XOAUTH2", b"", id="XOA-1 empty"),
        pytest.param("XOAUTH2", b"user=\x01" + BEARER + b"\x01\x01", id="XOA-1 empty user"),
        pytest.param("XOAUTH2", b"user=u\x01" + BEARER + b"\x01", id="XOA-1 one ^A at the end"),
        pytest.param("XOAUTH2", BEARER + b"\x01user=u\x01\x01", id="XOA-1 wrong order"),
        pytest.param("XOAUTH2", b"n,a=u,\x01" + BEARER + b"\x01\x01", id="XOA-1 gs2-header"),
        pytest.param("XOAUTH2", b"user=a\0b\x01" + BEARER + b"\x01\x01", id="AUT-25 control in the name"),
    ],
)
def test_malformed(name: str, response: bytes) -> None:
    authority = FakeAuthority(tokens=KNOWN)
    exchange = start(name, authority)
    next(exchange)
    with pytest.raises(MalformedResponse) as malformed:
        exchange.send(response)
    assert authority.asked == []
    assert TOKEN not in str(malformed.value)


def test_tokens_are_secrets() -> None:
    assert MECHANISMS["OAUTHBEARER"].cleartext and MECHANISMS["XOAUTH2"].cleartext  # OAB-1: TLS
    assert TOKEN not in repr(Token(USER, token=TOKEN))


@pytest.mark.parametrize("name", ["OAUTHBEARER", "XOAUTH2"])
def test_who_is_barred_hears_nothing_of_the_token(name: str) -> None:
    """It is good, and to fetch a new one would change nothing."""
    response = b"n,,\x01auth=Bearer t\x01\x01" if name == "OAUTHBEARER" else b"user=tim\x01auth=Bearer t\x01\x01"
    exchange = start(name, FakeAuthority(refusal=Barred("login disabled")))
    next(exchange)
    with pytest.raises(Barred):
        exchange.send(response)
