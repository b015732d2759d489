"""What the extra fields of a passdb entry make of a user's backend (dovecot 7.1)."""

from __future__ import annotations

import pytest

from gsubmit.auth import fields
from gsubmit.proxy.target import BadTarget, Place, Target, target_of
from gsubmit.sasl.claims import Identity
from gsubmit.settings.relay import RelayLogin


def target(words: str, user: str = "ann", master_user: str = "") -> Target:
    return target_of(Identity(user, fields.parse(f"proxy {words}"), master_user=master_user))


@pytest.mark.parametrize(
    ("words", "place"),
    [
        pytest.param("host=mx", Place(("mx",), 587), id="host alone"),
        pytest.param("host=mx ssl=yes", Place(("mx",), 465, tls="smtps"), id="ssl"),
        pytest.param("host=mx ssl=any-cert port=1465", Place(("mx",), 1465, tls="smtps", verify=False), id="any-cert"),
        pytest.param("host=mx starttls=yes", Place(("mx",), 587, tls="starttls"), id="starttls"),
        pytest.param("host=mx starttls", Place(("mx",), 587, tls="starttls"), id="starttls without a value"),
        pytest.param("host=mx starttls=any-cert", Place(("mx",), 587, tls="starttls", verify=False), id="any of them"),
        pytest.param("host=mx ssl=no starttls=y", Place(("mx",), 587, tls="starttls"), id="ssl=no"),
        pytest.param("host=mx hostip=192.0.2.9", Place(("mx",), 587, hostip="192.0.2.9"), id="hostip"),
        pytest.param("hostip=192.0.2.9", Place(("192.0.2.9",), 587, hostip="192.0.2.9"), id="hostip alone"),
        pytest.param("host=[2001:db8::1]", Place(("2001:db8::1",), 587), id="IPv6 in brackets"),
        pytest.param("host=192.0.2.1,192.0.2.2", Place(("192.0.2.1", "192.0.2.2"), 587), id="several"),
        pytest.param("host=mx source_ip=192.0.2.3", Place(("mx",), 587, source_ip="192.0.2.3"), id="source_ip"),
        pytest.param("host=mx proxy_not_trusted", Place(("mx",), 587, trusts_us=False), id="proxy_not_trusted"),
        pytest.param("host=mx proxy_not_trusted=no", Place(("mx",), 587), id="proxy_not_trusted=no"),
    ],
)
def test_place(words: str, place: Place) -> None:
    assert target(words).place == place


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param("", "proxy needs host", id="no host"),
        pytest.param("host=", "proxy needs host", id="empty host"),
        pytest.param("host=mx:587", "without a port", id="port in the host"),
        pytest.param("host=unix:/run/x", "a backend has a name or an address", id="unix socket"),
        pytest.param("host=mx port=0", "a port number", id="port 0"),
        pytest.param("host=mx port=x", "a port number", id="no port"),
        pytest.param("host=mx ssl starttls", "exclude each other", id="both kinds of TLS"),
        pytest.param("host=mx ssl=perhaps", "expected yes, no or any-cert", id="neither yes nor no"),
        pytest.param("host=mx hostip=mx", "hostip: expected an address", id="hostip is a name"),
        pytest.param("host=a,b hostip=192.0.2.9", "hostip goes with one host", id="hostip for several"),
        pytest.param("host=mx proxy_mech=GSSAPI", "proxy_mech: expected", id="a mechanism that we lack"),
        pytest.param("host=mx proxy_mech=plain,login", "proxy_mech: expected", id="two mechanisms"),
        pytest.param("host=mx proxy_timeout=soon", "a time", id="no time"),
    ],
)
def test_bad(words: str, why: str) -> None:
    with pytest.raises(BadTarget, match=why):
        target(words)


@pytest.mark.parametrize(
    ("text", "seconds"), [("5", 5.0), ("500ms", 0.5), ("2 mins", 120.0)], ids=["seconds", "milliseconds", "minutes"]
)
def test_timeout(text: str, seconds: float) -> None:
    assert target_of(Identity("ann", {"proxy": "y", "host": "mx", "proxy_timeout": text})).timeout == seconds


@pytest.mark.parametrize(("words", "is_maybe"), [("", False), ("proxy_maybe", False), ("proxy=no proxy_maybe", True)])
def test_maybe(words: str, is_maybe: bool) -> None:
    assert target(f"host=mx {words}").is_maybe is is_maybe


def test_forward_fields_go_on() -> None:
    assert target("host=mx forward_tenant=7 x=y").forward == {"tenant": "7"}


# What the backend hears of the user


@pytest.mark.parametrize(
    ("words", "master_user", "password", "token", "login"),
    [
        pytest.param("", "", "p", "", RelayLogin("ann", "", "p", True), id="the client's password"),
        pytest.param("destuser=eve", "", "p", "", RelayLogin("eve", "", "p", True), id="destuser"),
        pytest.param("pass=q", "", "p", "", RelayLogin("ann", "", "q", True), id="pass"),
        pytest.param("pass=q", "", "", "", RelayLogin("ann", "", "q", True), id="pass after SCRAM"),
        pytest.param("master=m pass=q", "", "p", "", RelayLogin("ann", "m", "q", True), id="master"),
        pytest.param("", "root", "p", "", RelayLogin("ann", "root", "p", True), id="the client is a master user"),
        pytest.param("master=m pass=q", "root", "p", "", RelayLogin("ann", "m", "q", True), id="master of the entry"),
        pytest.param("", "", "", "t", RelayLogin("ann", "", "t", True, is_token=True), id="the client's token"),
        pytest.param("pass=q", "", "", "t", RelayLogin("ann", "", "q", True), id="pass in place of a token"),
        pytest.param("proxy_mech=login", "", "p", "", RelayLogin("ann", "", "p", True, "LOGIN"), id="proxy_mech"),
        pytest.param(
            "proxy_mech=xoauth2 pass=t", "", "p", "", RelayLogin("ann", "", "t", True, "XOAUTH2", True),
            id="a token of the entry",
        ),
    ],
)  # fmt: skip
def test_login(words: str, master_user: str, password: str, token: str, login: RelayLogin) -> None:
    assert target(f"host=mx {words}", master_user=master_user).login(password, token) == login


@pytest.mark.parametrize(
    ("words", "token"), [("", ""), ("master=m", "t")], ids=["SCRAM, CRAM-MD5, EXTERNAL", "a token is no master's"]
)
def test_nothing_to_log_in_with(words: str, token: str) -> None:
    with pytest.raises(BadTarget, match="no password that could be passed on"):
        target(f"host=mx {words}").login("", token)


def test_a_password_is_not_shown() -> None:
    assert "hush" not in repr(target("host=mx pass=hush forward_x=hush"))


# Referrals (dovecot 7.3)


@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        pytest.param("<eve@192.0.2.9:1587> Referral", "eve", "192.0.2.9", 1587, id="all of it"),
        pytest.param("<192.0.2.9> Referral", "ann", "192.0.2.9", 588, id="the host alone"),
        pytest.param("<eve@example.org@mx:587>", "eve@example.org", "mx", 587, id="a user with a domain"),
        pytest.param("<eve@[2001:db8::1]:587>", "eve", "2001:db8::1", 587, id="IPv6"),
    ],
)
def test_referral(text: str, user: str, host: str, port: int) -> None:
    other = target("host=mx hostip=192.0.2.1 port=588 starttls=any-cert").referred(text)
    assert other is not None
    assert other.user == user
    assert other.place == Place((host,), port, tls="starttls", verify=False)


@pytest.mark.parametrize("text", ["Referral", "<>", "<eve@mx:0>", "<eve@mx:99999>", "<eve@a b>", "<eve@a/b>"])
def test_no_referral(text: str) -> None:
    assert target("host=mx").referred(text) is None
