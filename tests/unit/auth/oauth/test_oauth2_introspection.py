"""Tokens that the authorization server is asked about, and what happens when it is not itself."""

from __future__ import annotations

import base64
import logging
import socket
import time
import traceback
from pathlib import Path
from urllib.parse import parse_qs

import gevent
import pytest

from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.means import Means
from gsubmit.auth.passdb import Answer, Origin, Unavailable
from gsubmit.auth.passdbs.oauth2 import OAuth2
from gsubmit.sasl.claims import Denied, Token, TokenRefused
from tests.harness.oauth import (
    USER,
    AuthorizationServer,
    Script,
    authorization_server,
    ca_file,
    dripping,
    raw,
    reply,
    silent,
)

BEARER = "tok+En/with~all._-marks=="
ENCODED = "tok%2BEn%2Fwith~all._-marks%3D%3D"
NO_CACHE = VerifiedCache(0, 0)
ACTIVE = {"active": True, "email": "Tim@example.org"}


def passdb(folder: Path, settings: str, cache: VerifiedCache = NO_CACHE) -> OAuth2:
    path = folder / "oauth2.conf"
    path.write_text(f"timeout_msecs = 300\n{settings}\n")
    return OAuth2.from_args(str(path), Means(cache))


def ask(driver: OAuth2, user: str = USER, bearer: str = BEARER) -> Answer:
    return driver.verify(Token(user, token=bearer), Origin())


def posting(folder: Path, server: AuthorizationServer, more: str = "", cache: VerifiedCache = NO_CACHE) -> OAuth2:
    text = f"introspection_mode = post\nintrospection_url = {server.url('/introspect')}\n{more}"
    return passdb(folder, text, cache)


def test_mode_auth(tmp_path: Path) -> None:
    with authorization_server() as server:
        server.scripts["/me"] = reply({"email": USER})
        driver = passdb(tmp_path, f"introspection_url = {server.url('/me?fields=email')}")
        assert ask(driver).fields == {}
        assert ask(driver, "").fields == {"user": USER}
        with pytest.raises(Denied, match="another user"):
            ask(driver, "ann@example.org")
        first = server.asked[0]
    assert (first.method, first.target) == ("GET", "/me?fields=email")
    assert first.headers["Authorization"] == f"Bearer {BEARER}"
    assert first.headers["Host"] == f"localhost:{server.port}"


def test_mode_get(tmp_path: Path) -> None:
    with authorization_server() as server:
        server.scripts["/me"] = reply({"email": USER})
        ask(passdb(tmp_path, f"introspection_mode = get\nintrospection_url = {server.url('/me?access_token=')}"))
        assert server.asked[0].target == f"/me?access_token={ENCODED}"
        assert "Authorization" not in server.asked[0].headers


@pytest.mark.parametrize("is_in_url", [False, True])
def test_mode_post(tmp_path: Path, is_in_url: bool) -> None:
    with authorization_server() as server:
        server.scripts["/introspect"] = reply(ACTIVE)
        url = server.url("/introspect")
        if is_in_url:
            settings = f"introspection_url = {url.replace('//', '//gs%3Amtp:s%2Fecret@')}"
        else:
            settings = f"introspection_url = {url}\nclient_id = gs:mtp\nclient_secret = s/ecret"
        ask(passdb(tmp_path, f"introspection_mode = post\n{settings}"))
        (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", "/introspect")
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(asked.body)["token"] == [BEARER]
    # RFC 6749 2.3.1 has the two encoded as in a form; a URL is decoded, as in Dovecot.
    expected = b"gs:mtp:s/ecret" if is_in_url else b"gs%3Amtp:s%2Fecret"
    assert base64.b64decode(asked.headers["Authorization"].removeprefix("Basic ")) == expected


@pytest.mark.parametrize(
    ("more", "told", "targets"),
    [
        ("", {"email": USER}, ["/info"]),
        ("", {"sub": "1"}, ["/info", "/me"]),
        ("force_introspection = yes", {"email": USER}, ["/info", "/me"]),
        ("active_attribute = enabled", {"email": USER}, ["/info", "/me"]),
        ("pass_attrs = host=%{oauth2:enabled:x}", {"email": USER}, ["/info", "/me"]),
    ],
)
def test_tokeninfo_first(tmp_path: Path, more: str, told: dict[str, object], targets: list[str]) -> None:
    with authorization_server() as server:
        server.scripts["/info"] = reply(told)
        server.scripts["/me"] = reply({"email": USER, "enabled": 1})
        text = f"tokeninfo_url = {server.url('/info?access_token=')}\nintrospection_url = {server.url('/me')}\n{more}"
        ask(passdb(tmp_path, text))
        assert [asked.target.partition("?")[0] for asked in server.asked] == targets
        assert server.asked[0].target == f"/info?access_token={ENCODED}"


def test_https(tmp_path: Path) -> None:
    ca = f"tls_ca_cert_file = {ca_file(tmp_path)}"
    with authorization_server(tls=True) as server:
        server.scripts["/introspect"] = reply(ACTIVE)
        ask(posting(tmp_path, server, ca))
        with pytest.raises(Unavailable, match="certificate not accepted"):
            ask(posting(tmp_path, server))
    with authorization_server(tls=True, stranger=True) as server:
        with pytest.raises(Unavailable, match=r"certificate not accepted: .*[Hh]ostname"):
            ask(posting(tmp_path, server, ca))
        assert server.asked == []


# What the server says of the token

NOW = time.time()  # when the tests are read; they may run an hour later


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"active": False}, "token not active"),
        ({"active": False, "email": USER}, "token not active"),
        ({"active": "false", "email": USER}, "token not active"),
        ({"active": None, "email": USER}, "token not active"),
        ({"active": 1, "email": USER}, "token not active"),
        ({"active": [True], "email": USER}, "token not active"),
        ({"error": "invalid_token"}, "refuses the token"),
        ({**ACTIVE, "exp": NOW - 60}, "token expired"),
        ({**ACTIVE, "exp": "1433978353"}, "token expired"),
        ({**ACTIVE, "expires_in": -100}, "token expired"),
        ({**ACTIVE, "nbf": NOW + 7200}, "not valid yet"),
        ({**ACTIVE, "exp": "soon"}, "no time"),
        ({**ACTIVE, "iss": "https://evil.example.org"}, "another issuer"),
        ({"active": True, "email": "ann@example.org"}, "another user"),
        ({"active": True}, "without a user name"),
    ],
)
def test_refused(tmp_path: Path, told: dict[str, object], reason: str) -> None:
    with authorization_server() as server:
        server.scripts["/introspect"] = reply(told)
        with pytest.raises(TokenRefused, match=reason) as refused:
            ask(posting(tmp_path, server, "issuers = https://auth.example.org"))
    assert refused.value.status == "invalid_token"


def test_demands(tmp_path: Path) -> None:
    with authorization_server() as server:
        server.scripts["/introspect"] = reply({**ACTIVE, "scope": "a b", "aud": ["x", "y"], "tier": 3})
        ask(posting(tmp_path, server, "scope = b\naudience = y z\nactive_attribute = tier\nactive_value = 3"))
        with pytest.raises(Denied, match="another audience"):
            ask(posting(tmp_path, server, "audience = z"))
        with pytest.raises(Denied, match="not active"):
            ask(posting(tmp_path, server, "active_attribute = tier\nactive_value = 4"))
        with pytest.raises(TokenRefused) as refused:
            ask(posting(tmp_path, server, "scope = c"))
    assert (refused.value.status, refused.value.scope) == ("insufficient_scope", "c")


@pytest.mark.parametrize(
    ("mode", "script", "expected"),
    [
        ("auth", reply("", 401), "invalid_token"),
        ("auth", reply("", 400), "invalid_token"),
        ("auth", reply("", 403), "insufficient_scope"),
        ("auth", reply("", 404), "answered 404"),
        ("auth", reply("", 429), "answered 429"),
        ("auth", reply("", 500), "answered 500"),
        ("get", reply({"error": "invalid_token"}, 400), "invalid_token"),
        ("get", reply("", 403), "answered 403"),
        ("post", reply({"error": "invalid_client"}, 401), "answered 401"),
        ("post", reply("", 401), "answered 401"),
        ("post", reply({"error": "invalid_token"}, 400), "invalid_token"),
        ("post", reply("", 503), "answered 503"),
        ("post", reply("{}"), "without active"),
    ],
)
def test_statuses(tmp_path: Path, mode: str, script: Script, expected: str) -> None:
    with authorization_server() as server:
        server.scripts["/x"] = script
        driver = passdb(tmp_path, f"introspection_mode = {mode}\nintrospection_url = {server.url('/x?q=')}")
        with pytest.raises((TokenRefused, Unavailable)) as failed:
            ask(driver)
    if isinstance(failed.value, TokenRefused):
        assert failed.value.status == expected
    else:
        assert expected in str(failed.value)


# A server that is not itself

HEAD = "HTTP/1.1 200 OK\r\n"
GOOD = '{"active":true,"email":"tim@example.org"}'


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (reply("nonsense"), "not JSON"),
        (reply("[]"), "not a JSON object"),
        (reply('{"active":true,"active":false}'), "stands twice"),
        (reply('{"active":true,"exp":NaN}'), "a number that is none"),
        (reply("[" * 100_000), "not JSON"),
        (reply("\ufeff" + GOOD), "not JSON"),
        (raw(HEAD + "\r\n" + GOOD[:-1]), "not JSON"),
        (raw(HEAD + "Content-Length: 500\r\n\r\n" + GOOD[:-1]), "not JSON"),
        (raw(HEAD + "\r\n" + "x" * 300_000), "more than 262144 octets"),
        (raw(HEAD + "X: " + "x" * 300_000), "not an HTTP answer"),
        (raw(HEAD + "X: y\r\n" * 1000), "not an HTTP answer"),
        (raw("220 smtp.example.org\r\n"), "not an HTTP answer"),
        (raw(""), "not an HTTP answer|connection lost|reset"),
        (silent, "no answer within 0.3 seconds"),
        (dripping(HEAD + "\r\n" + GOOD), "no answer within 0.3 seconds"),
        (dripping(HEAD + "Content-Length: 41\r\n\r\n" + GOOD), "no answer within 0.3 seconds"),
    ],
)
def test_nonsense(tmp_path: Path, script: Script, reason: str) -> None:
    with authorization_server() as server:
        server.scripts["/introspect"] = script
        driver = posting(tmp_path, server)
        began = time.monotonic()
        with pytest.raises(Unavailable, match=reason):
            ask(driver)
        assert time.monotonic() - began < 3


def test_silence_before_tls(tmp_path: Path) -> None:
    """The handshake is within the time, even if octets come all the while."""
    with authorization_server(tls=True) as server:
        for script in (silent, dripping("\x16\x03\x03\x3f\x00\x02" + "\0" * 500)):
            server.rawly = script
            began = time.monotonic()
            with pytest.raises(Unavailable, match=r"no answer within 0\.3 seconds"):
                ask(posting(tmp_path, server))
            assert time.monotonic() - began < 3


def test_nobody_there(tmp_path: Path) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # and no listen
        driver = passdb(tmp_path, f"introspection_url = http://127.0.0.1:{sock.getsockname()[1]}/me")
        with pytest.raises(Unavailable, match="refused"):
            ask(driver)


def test_name_without_address(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"https://nowhere\.invalid/me: "):
        ask(passdb(tmp_path, "introspection_url = https://nowhere.invalid/me?x="))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(tmp_path: Path, status: int) -> None:
    with authorization_server() as server, authorization_server() as elsewhere:
        elsewhere.scripts["/introspect"] = reply(ACTIVE)
        server.scripts["/introspect"] = reply("", status, Location=elsewhere.url("/introspect"))
        with pytest.raises(Unavailable, match=f"answered {status}"):
            ask(posting(tmp_path, server))
        assert (len(server.asked), elsewhere.asked) == (1, [])


def test_others_go_on_meanwhile(tmp_path: Path) -> None:
    with authorization_server() as server:
        server.scripts["/introspect"] = silent
        driver = posting(tmp_path, server)
        asking = [gevent.spawn(ask, driver) for _ in range(20)]
        began = time.monotonic()
        gevent.joinall(asking)
        assert time.monotonic() - began < 20 * 0.3
        assert all(isinstance(each.exception, Unavailable) for each in asking)


# The cache


def cache() -> VerifiedCache:
    return VerifiedCache(100_000, 60, 60)


def test_answers_are_kept(tmp_path: Path) -> None:
    with authorization_server() as server:
        server.scripts["/introspect"] = reply({**ACTIVE, "exp": NOW + 7200, "note": "n"})
        kept = cache()
        driver = posting(tmp_path, server, "pass_attrs = note=%{oauth2:note} pass=%{oauth2:access_token} ip=%r", kept)
        first = driver.verify(Token(USER, token=BEARER), Origin(remote_ip="192.0.2.1"))
        second = driver.verify(Token(USER, token=BEARER), Origin(remote_ip="192.0.2.2"))
        assert len(server.asked) == 1
        assert first.fields == {"note": "n", "pass": BEARER, "ip": "192.0.2.1"}
        assert second.fields == {"note": "n", "pass": BEARER, "ip": "192.0.2.2"}
        assert BEARER not in str(vars(kept))
        ask(driver, bearer="other")
        ask(driver, "", bearer="other")
        assert ask(driver, "", bearer="other").fields["user"] == USER
        assert len(server.asked) == 3


def test_answers_are_not_kept_longer_than_the_token(tmp_path: Path) -> None:
    with authorization_server() as server:
        server.scripts["/introspect"] = reply({**ACTIVE, "exp": time.time() - 1})
        driver = posting(tmp_path, server, cache=cache())
        ask(driver)
        ask(driver)
        assert len(server.asked) == 2


def test_refusals_of_the_server_are_kept(tmp_path: Path) -> None:
    with authorization_server() as server:
        server.scripts["/introspect"] = reply({"active": False})
        driver = posting(tmp_path, server, cache=cache())
        for _ in range(2):
            with pytest.raises(Denied):
                ask(driver)
        assert len(server.asked) == 1


def test_faults_are_not_kept(tmp_path: Path) -> None:
    with authorization_server() as server:
        server.scripts["/introspect"] = reply("", 500)
        driver = posting(tmp_path, server, cache=cache())
        with pytest.raises(Unavailable):
            ask(driver)
        server.scripts["/introspect"] = reply(ACTIVE)
        ask(driver)


# Secrets

SCRIPTS = [reply({"active": False}), reply("x"), reply("", 500), reply("", 401), raw("x"), silent]


@pytest.mark.parametrize("mode", ["auth", "get", "post"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_nothing_secret_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: str, script: Script) -> None:
    bearer, secret = "tokEn-1234567", "seCret-1234567"
    with authorization_server() as server, caplog.at_level(logging.DEBUG):
        server.scripts["/x/"] = script
        url = server.url("/x/?q=").replace("//", f"//me:{secret}@")
        text = f"introspection_mode = {mode}\nintrospection_url = {url}\nclient_id = me\nclient_secret = {secret}"
        driver = passdb(tmp_path, text)
        with pytest.raises((Denied, Unavailable)) as failed:
            ask(driver, bearer=bearer)
    told = caplog.text + str(failed.value) + repr(failed.value) + "".join(traceback.format_exception(failed.value))
    told += repr(driver.settings) + str(driver) + repr(driver)
    assert bearer not in told
    assert secret not in told
