"""Tokens that are verified here: signatures, claims, keys in files and keys that are fetched."""

from __future__ import annotations

import base64
import gc
import hmac
import json
import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.means import Means
from gsubmit.auth.passdb import Answer, Origin, Unavailable
from gsubmit.auth.passdbs.oauth2 import OAuth2
from gsubmit.sasl.claims import Denied, Token, TokenRefused
from tests.harness.clock import Clock, clock_of
from tests.harness.oauth import (
    AUDIENCE,
    ISSUER,
    USER,
    Asked,
    AuthorizationServer,
    authorization_server,
    claims,
    ec_key,
    ed_key,
    jwk,
    pem,
    reply,
    rsa_key,
    silent,
    token,
)

SECRET = b"0123456789abcdef" * 4

Verify = Callable[..., Answer]


def passdb(folder: Path, settings: str) -> OAuth2:
    path = folder / "oauth2.conf"
    path.write_text(settings)
    return OAuth2.from_args(str(path), Means(VerifiedCache(100_000, 60)))


def ask(driver: OAuth2, bearer: str, user: str = USER) -> Answer:
    return driver.verify(Token(user, token=bearer), Origin())


def key_file(folder: Path, name: str, content: bytes) -> None:
    path = folder / "keys" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def driver(tmp_path: Path) -> OAuth2:
    key_file(tmp_path, "default/RS256/k1", pem(rsa_key()))
    key_file(tmp_path, "default/PS512/k1", pem(rsa_key()))
    key_file(tmp_path, "default/ES256/k1", pem(ec_key()))
    key_file(tmp_path, "default/EdDSA/k1", pem(ed_key()))
    key_file(tmp_path, "default/HS256/k1", base64.encodebytes(SECRET))
    key_file(tmp_path, "default/RS256/default", pem(rsa_key("default")))
    key_file(tmp_path, "mail%2eapp/RS256/a%2fb", pem(rsa_key("party")))
    key_file(tmp_path, "../outside/RS256/k1", pem(rsa_key("outside")))
    key_file(tmp_path, "../RS256/k1", pem(rsa_key("outside")))
    text = f"""
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={tmp_path}/keys/
issuers = https://other.example.org {ISSUER}
audience = submission {AUDIENCE}
"""
    return passdb(tmp_path, text)


GOOD = {
    "RS256": lambda: token(rsa_key()),
    "PS512": lambda: token(rsa_key(), "PS512"),
    "ES256": lambda: token(ec_key(), "ES256"),
    "EdDSA": lambda: token(ed_key(), "EdDSA"),
    "HS256": lambda: token(SECRET, "HS256"),
    "no kid": lambda: token(rsa_key("default"), kid=""),
    "azp and kid with dots and slashes": lambda: token(rsa_key("party"), kid="a/b", azp="mail.app"),
    "typ JWT": lambda: token(rsa_key(), typ="JWT"),
    "several audiences": lambda: token(rsa_key(), aud=["web", AUDIENCE]),
    "upper case": lambda: token(rsa_key(), email="Tim@Example.ORG"),
    "verified email": lambda: token(rsa_key(), email_verified=True),
    "verified email as text": lambda: token(rsa_key(), email_verified="true"),
    "a clock that is a little late": lambda: token(rsa_key(), exp=int(time.time()) - 5),
    "a clock that is a little early": lambda: token(rsa_key(), nbf=int(time.time()) + 5),
    "16 KB": lambda: token(rsa_key(), fill="x" * 11_500),
}


@pytest.mark.parametrize("made", GOOD.values(), ids=GOOD.keys())
def test_good_tokens(driver: OAuth2, made: Callable[[], str]) -> None:
    assert ask(driver, made()).fields == {}
    assert ask(driver, made(), "").fields == {"user": USER}


def unsigned(algorithm: str = "none") -> str:
    parts = [{"alg": algorithm, "typ": "JWT", "kid": "k1"}, claims()]
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), ""])


def signed_by_public_key() -> str:
    """What a server takes that lets the token choose between RSA and HMAC."""
    text = unsigned("HS256").rstrip(".")
    digest = hmac.digest(pem(rsa_key()), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def with_headers(**headers: object) -> str:
    return jwt.encode(claims(), rsa_key(), "RS256", {"kid": "k1", **headers})


def repeated() -> str:
    """A payload in which two readers could see two users."""
    payload = json.dumps(claims())[:-1].encode() + b',"email":"ann@example.org"}'
    return jwt.PyJWS().encode(payload, rsa_key(), "RS256", {"kid": "k1"})


NOW = time.time()  # when the tests are read; they may run an hour later
BAD: dict[str, tuple[Callable[[], str], str]] = {
    "expired": (lambda: token(rsa_key(), exp=int(NOW) - 60), "token expired"),
    "not valid yet": (lambda: token(rsa_key(), nbf=int(NOW) + 7200), "not valid yet (nbf)"),
    "issued in the future": (lambda: token(rsa_key(), iat=int(NOW) + 7200), "not valid yet (iat)"),
    "no exp": (lambda: token(rsa_key(), exp=None), "without exp"),
    "exp is no number": (lambda: token(rsa_key(), exp=True), "exp of the token is no time"),
    "exp is endless": (lambda: token(rsa_key(), exp=10**400), "exp of the token is no time"),
    "issuer": (lambda: token(rsa_key(), iss="https://evil.example.org"), "another issuer"),
    "no issuer": (lambda: token(rsa_key(), iss=None), "another issuer"),
    "part of an issuer": (lambda: token(rsa_key(), iss="https"), "another issuer"),
    "audience": (lambda: token(rsa_key(), aud="web"), "another audience"),
    "audiences in one string": (lambda: token(rsa_key(), aud=f"web {AUDIENCE}"), "another audience"),
    "no audience": (lambda: token(rsa_key(), aud=None), "another audience"),
    "another user": (lambda: token(rsa_key(), email="ann@example.org"), "another user"),
    "email not verified": (lambda: token(rsa_key(), email_verified=False), "email of the token is not verified"),
    "email not verified, as text": (lambda: token(rsa_key(), email_verified="false"), "not verified"),
    "email verified by nothing": (lambda: token(rsa_key(), email_verified={}), "not verified"),
    "no user": (lambda: token(rsa_key(), email=None), "without a user name in email"),
    "empty user": (lambda: token(rsa_key(), email=""), "without a user name in email"),
    "user is no string": (lambda: token(rsa_key(), email=[USER]), "without a user name in email"),
    "Kelvin": (lambda: token(rsa_key(), email="\u212aim@example.org"), "character not allowed"),
    "line end in the user": (lambda: token(rsa_key(), email=f"{USER}\n"), "character not allowed"),
    "alg none": (unsigned, "algorithm of the token not supported"),
    "alg NONE": (lambda: unsigned("NONE"), "algorithm of the token not supported"),
    "no signature": (lambda: unsigned("RS256"), "signature of the token is wrong"),
    "signed with the public key": (signed_by_public_key, "signature of the token is wrong"),
    "other key": (lambda: token(rsa_key("other")), "signature of the token is wrong"),
    "unknown kid": (lambda: token(rsa_key(), kid="k2"), "unknown key"),
    "unknown azp": (lambda: token(rsa_key(), azp="web"), "unknown key"),
    "kid to another folder": (lambda: token(rsa_key("outside"), kid="../../../outside/RS256/k1"), "unknown key"),
    "azp to another folder": (lambda: token(rsa_key("outside"), azp="../outside"), "unknown key"),
    "azp is dot-dot": (lambda: token(rsa_key("outside"), azp=".."), "unknown key"),
    "kid from the root": (lambda: token(rsa_key(), kid="/etc/passwd"), "unknown key"),
    "kid with NUL": (lambda: token(rsa_key(), kid="k1\0"), "unknown key"),
    "kid of great length": (lambda: token(rsa_key(), kid="k" * 5000), "unknown key"),
    "kid is no string": (lambda: raw_header({"alg": "RS256", "kid": 1}), "no string"),
    "alg in lower case": (lambda: unsigned("rs256"), "algorithm of the token not supported"),
    "key of another algorithm": (lambda: token(rsa_key(), "RS512"), "unknown key"),
    "critical extension": (lambda: with_headers(crit=["b64"], b64=True), "critical extension"),
    "logout token": (lambda: token(rsa_key(), typ="logout+jwt"), "by its typ"),
    "a name that stands twice": (repeated, "malformed JSON Web Token"),
    "truncated": (lambda: token(rsa_key())[:-10], "signature of the token is wrong"),
    "without its third part": (lambda: token(rsa_key()).rpartition(".")[0], "not a signed JSON Web Token"),
    "five parts": (lambda: "a.b.c.d.e", "not a signed JSON Web Token"),
    "opaque": (lambda: "mF_9.B5f-4.1JqM", "malformed JSON Web Token"),
    "more than 16 KB": (lambda: token(rsa_key(), fill="x" * 17_000), "malformed bearer token"),
    "line end": (lambda: token(rsa_key()) + "\r\nX: y", "malformed bearer token"),
    "nothing": (lambda: "", "malformed bearer token"),
}


def raw_header(header: dict[str, object]) -> str:
    encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    return f"{encoded}.e30.AAAA"


@pytest.mark.parametrize(("made", "reason"), BAD.values(), ids=BAD.keys())
def test_bad_tokens(driver: OAuth2, made: Callable[[], str], reason: str, caplog: pytest.LogCaptureFixture) -> None:
    bearer = made()
    with caplog.at_level(logging.DEBUG), pytest.raises(TokenRefused) as refused:
        ask(driver, bearer)
    assert reason in refused.value.reason
    assert refused.value.status == "invalid_token"
    assert len(bearer) < 10 or bearer not in caplog.text + refused.value.reason + repr(Token(USER, token=bearer))


def test_lost_bits_at_every_place(driver: OAuth2) -> None:
    good = token(ec_key(), "ES256")
    for at in range(0, len(good), 7):
        with pytest.raises(Denied):
            ask(driver, good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :])
        with pytest.raises(Denied):
            ask(driver, good[:at])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("RS256", b"nonsense", "not a public key in PEM"),
        ("HS512", base64.b64encode(SECRET[:63]), "a secret of less than 64 octets"),
        ("HS256", b"no base64!", "not base64"),
    ],
)
def test_files_that_are_no_keys(driver: OAuth2, tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    key_file(tmp_path, f"default/{name}/broken", content)
    signed = token(rsa_key(), name, "broken") if name == "RS256" else token(SECRET, name, "broken")
    with pytest.raises(Unavailable, match=reason):
        ask(driver, signed)


def test_pem_where_a_secret_belongs(driver: OAuth2, tmp_path: Path) -> None:
    """A public key in the folder of an HMAC is no secret."""
    key_file(tmp_path, "default/HS256/pem", pem(rsa_key()))
    with pytest.raises(Unavailable, match="not base64"):
        ask(driver, token(SECRET, "HS256", "pem"))


def test_key_file_that_changes(driver: OAuth2, tmp_path: Path) -> None:
    ask(driver, token(rsa_key()))
    key_file(tmp_path, "default/RS256/new", pem(rsa_key("new")))
    (tmp_path / "keys/default/RS256/new").rename(tmp_path / "keys/default/RS256/k1")
    ask(driver, token(rsa_key("new")))
    with pytest.raises(Denied):
        ask(driver, token(rsa_key()))


@pytest.mark.parametrize(
    ("granted", "is_enough"),
    [
        ({"scope": "mail.read mail.send"}, True),
        ({"scp": ["mail.send", "mail.read", "x"]}, True),
        ({"scp": "mail.send mail.read"}, True),
        ({"scope": "mail.send"}, False),
        ({"scope": "mail.sender mail.read"}, False),
        ({"scope": 7}, False),
        ({"scope": "", "scp": "mail.send mail.read"}, False),
        ({}, False),
    ],
)
def test_scope(tmp_path: Path, granted: dict[str, Any], is_enough: bool) -> None:
    key_file(tmp_path, "default/RS256/k1", pem(rsa_key()))
    text = f"""
local_validation_key_dict = fs:posix:prefix={tmp_path}/keys/
openid_configuration_url = https://auth.example.org/.well-known/openid-configuration
scope = mail.send mail.read
"""
    driver = passdb(tmp_path, text)
    if is_enough:
        ask(driver, token(rsa_key(), **granted))
        return
    with pytest.raises(TokenRefused) as refused:
        ask(driver, token(rsa_key(), **granted))
    assert refused.value.status == "insufficient_scope"
    assert refused.value.scope == "mail.read mail.send"
    assert refused.value.openid_configuration == "https://auth.example.org/.well-known/openid-configuration"


def test_username_format_and_extra_fields(tmp_path: Path) -> None:
    key_file(tmp_path, "default/RS256/k1", pem(rsa_key()))
    text = f"""
local_validation_key_dict = fs:posix:prefix={tmp_path}/keys/
username_attribute = sub
username_format = %Ln
active_attribute = enabled
active_value = true
pass_attrs = proxy host=%{{oauth2:home:mx.example.org}} pass=%{{oauth2:access_token}} note=%U{{oauth2:note}}/%r/%u
"""
    driver = passdb(tmp_path, text)
    good = token(rsa_key(), sub="Tim@Example.org", enabled=True, note="a b=c")
    answer = driver.verify(Token("", token=good), Origin(remote_ip="192.0.2.1"))
    assert answer.fields == {
        "user": "tim",
        "proxy": "yes",
        "host": "mx.example.org",
        "pass": good,
        "note": "A B=C/192.0.2.1/tim",
    }
    assert "user" not in ask(driver, good, "tim@example.org").fields
    with pytest.raises(Denied, match="not active"):
        ask(driver, token(rsa_key(), sub="tim"))
    with pytest.raises(Denied, match="control character in note"):
        ask(driver, token(rsa_key(), sub="tim@example.org", enabled=True, note="a\nb"))


# Keys that are fetched


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Of what decides when keys are fetched."""
    return clock_of(monkeypatch, "auth.oauth.jwks")


def fetching(folder: Path, server: AuthorizationServer, setting: str = "jwks_url", path: str = "/jwks") -> OAuth2:
    return passdb(folder, f"introspection_mode = local\n{setting} = {server.url(path)}\ntimeout_msecs = 500\n")


def test_published_keys(tmp_path: Path, clock: Clock) -> None:
    with authorization_server() as server:
        server.publish(
            jwk(rsa_key(), "k1", use="sig", alg="RS256"),
            jwk(rsa_key("enc"), "enc", use="enc"),
            jwk(ec_key(), "ec"),
            jwk(ed_key(), "ed"),
            {"kty": "oct", "kid": "oct", "k": base64.urlsafe_b64encode(SECRET).decode().rstrip("=")},
            {"kty": "new"},
        )
        driver = fetching(tmp_path, server)
        assert server.asked == []
        ask(driver, token(rsa_key()))
        ask(driver, token(ec_key(), "ES256", "ec"))
        ask(driver, token(ed_key(), "EdDSA", "ed"))
        ask(driver, token(rsa_key(), kid=""))
        for bad in (
            token(rsa_key(), "PS256"),
            token(rsa_key("enc"), kid="enc"),
            token(SECRET, "HS256", "oct"),
            token(rsa_key(), kid="ec"),
            signed_by_public_key(),
        ):
            with pytest.raises(Denied):
                ask(driver, bad)
        assert [asked.target for asked in server.asked] == ["/jwks"]


def test_rotation(tmp_path: Path, clock: Clock) -> None:
    with authorization_server() as server:
        server.publish(jwk(rsa_key(), "k1"))
        driver = fetching(tmp_path, server)
        ask(driver, token(rsa_key()))
        server.publish(jwk(rsa_key("2"), "k2"))
        for _ in range(3):  # not more than once a minute
            with pytest.raises(Denied, match="unknown key"):
                ask(driver, token(rsa_key("2"), kid="k2"))
        assert len(server.asked) == 1
        clock.now += 61
        ask(driver, token(rsa_key("2"), kid="k2"))
        with pytest.raises(Denied, match="unknown key"):
            ask(driver, token(rsa_key()))
        assert len(server.asked) == 2


def test_withdrawn_key(tmp_path: Path, clock: Clock) -> None:
    with authorization_server() as server:
        server.publish(jwk(rsa_key(), "k1"))
        driver = fetching(tmp_path, server)
        ask(driver, token(rsa_key()))
        server.publish(jwk(rsa_key("2"), "k2"))
        clock.now += 3500
        ask(driver, token(rsa_key()))
        clock.now += 200
        with pytest.raises(Denied, match="unknown key"):
            ask(driver, token(rsa_key()))


def test_old_keys_stay(tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with authorization_server() as server:
        server.publish(jwk(rsa_key(), "k1"))
        driver = fetching(tmp_path, server)
        ask(driver, token(rsa_key()))
        server.scripts["/jwks"] = reply("", 503)
        clock.now += 4000
        for _ in range(3):
            ask(driver, token(rsa_key()))
        assert len(server.asked) == 2
        assert "answered 503; the keys that were fetched before stay in use" in caplog.text
        with pytest.raises(Unavailable, match="answered 503"):
            ask(driver, token(rsa_key("2"), kid="k2"))


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (reply("", 500), "answered 500"),
        (reply("nonsense"), "not JSON"),
        (reply({"keys": 7}), "not a set of keys"),
        (reply("", 302, Location="http://localhost/elsewhere"), "answered 302"),
    ],
)
def test_no_keys_yet(tmp_path: Path, clock: Clock, script: object, reason: str) -> None:
    """OAB-7: no denial."""
    with authorization_server() as server:
        server.scripts["/jwks"] = script  # type: ignore[assignment]
        driver = fetching(tmp_path, server)
        for _ in range(3):
            with pytest.raises(Unavailable, match=reason):
                ask(driver, token(rsa_key()))
        assert len(server.asked) == 1
        server.publish(jwk(rsa_key(), "k1"))
        clock.now += 6
        ask(driver, token(rsa_key()))


def test_openid_configuration(tmp_path: Path, clock: Clock) -> None:
    with authorization_server() as server:
        server.publish(jwk(rsa_key(), "k1"))
        server.scripts["/conf"] = reply({"jwks_uri": server.url("/jwks")})
        ask(fetching(tmp_path, server, "openid_configuration_url", "/conf"), token(rsa_key()))
        server.scripts["/conf"] = reply({"jwks_uri": "http://192.0.2.1/jwks"})
        with pytest.raises(Unavailable, match="jwks_uri: http without TLS"):
            ask(fetching(tmp_path, server, "openid_configuration_url", "/conf"), token(rsa_key()))
        server.scripts["/conf"] = reply({})
        with pytest.raises(Unavailable, match="jwks_uri: expected https"):
            ask(fetching(tmp_path, server, "openid_configuration_url", "/conf"), token(rsa_key()))


def test_no_discovery_beside_a_folder_of_keys(tmp_path: Path) -> None:
    key_file(tmp_path, "default/RS256/k1", pem(rsa_key()))
    with authorization_server() as server:
        text = f"local_validation_key_dict = fs:posix:prefix={tmp_path}/keys/\nopenid_configuration_url = {server.url('/')}"
        with pytest.raises(Denied, match="unknown key"):
            ask(passdb(tmp_path, text), token(rsa_key(), kid="k2"))
        assert server.asked == []


def test_many_logins_fetch_once(tmp_path: Path) -> None:
    with authorization_server() as server:
        driver = fetching(tmp_path, server)
        answer = reply({"keys": [jwk(rsa_key(), "k1")]})

        def slowly(sock: socket.socket, asked: Asked) -> None:
            time.sleep(0.1)
            answer(sock, asked)

        server.scripts["/jwks"] = slowly
        asking = [gevent.spawn(ask, driver, token(rsa_key())) for _ in range(20)]
        gevent.joinall(asking)
        assert all(each.successful() for each in asking)
        assert len(server.asked) == 1


def test_login_that_ends_during_a_fetch(tmp_path: Path, clock: Clock) -> None:
    """It leaves neither a socket nor a lock, and nobody is told that his key is unknown."""
    with authorization_server() as server:
        server.scripts["/jwks"] = silent
        driver = fetching(tmp_path, server)
        asking = gevent.spawn(ask, driver, token(rsa_key()))
        gevent.sleep(0.05)
        asking.kill()
        gc.collect()
        with pytest.raises(Unavailable, match="no keys were fetched yet"):
            ask(driver, token(rsa_key()))
        server.publish(jwk(rsa_key(), "k1"))
        clock.now += 6
        ask(driver, token(rsa_key()))


def test_short_rsa_keys_are_none(tmp_path: Path) -> None:
    short = generate_private_key(65537, 1024)
    key_file(tmp_path, "default/RS256/short", pem(short))
    driver = passdb(tmp_path, f"local_validation_key_dict = fs:posix:prefix={tmp_path}/keys/")
    with pytest.raises(Unavailable, match="an RSA key of less than 2048 bits"):
        ask(driver, raw_header({"alg": "RS256", "kid": "short"}))
    with authorization_server() as server:
        server.publish(jwk(short, "short"))
        with pytest.raises(Denied, match="unknown key"):
            ask(fetching(tmp_path, server), raw_header({"alg": "RS256", "kid": "short"}))
