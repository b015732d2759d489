"""Every mechanism with every password scheme, on every kind of connection: announced, right, wrong, refused."""

from __future__ import annotations

import pytest

from gsubmit.auth.schemes.table import SCHEMES
from tests.harness.loginclient import MECHANISMS, TLS_1_2, TLS_1_3, Kind, Who
from tests.harness.oauth import rsa_key, token
from tests.logins.conftest import PASSWORD, House, user_of

IN_CLEAR = ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5"]
SECURED = ["SCRAM-SHA-256", "SCRAM-SHA-1", "OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN", "CRAM-MD5"]
IN_TLS = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", *SECURED]
KINDS = {
    "secured": (Kind(), SECURED),
    "clear": (Kind("127.0.0.2"), IN_CLEAR),
    "starttls-1.3": (Kind("127.0.0.2", "starttls"), IN_TLS),
    "starttls-1.2": (Kind("127.0.0.2", "starttls", TLS_1_2), IN_TLS),
    "implicit-1.3": (Kind("127.0.0.2", "implicit"), IN_TLS),
    "implicit-1.2": (Kind("127.0.0.2", "implicit", TLS_1_2), IN_TLS),
}
KNOWN = {"PLAIN", "CLEAR", "CLEARTEXT"}  # the password itself is stored
FITTING = {
    "PLAIN": set(SCHEMES),
    "LOGIN": set(SCHEMES),
    "SCRAM-SHA-256": {*KNOWN, "SCRAM-SHA-256"},
    "SCRAM-SHA-1": {*KNOWN, "SCRAM-SHA-1"},
    "CRAM-MD5": {*KNOWN, "CRAM-MD5", "HMAC-MD5"},
}
CASES = [
    pytest.param(kind, mechanism, scheme, id=f"{name}-{mechanism}-{scheme}")
    for name, (kind, announced) in KINDS.items()
    for mechanism in announced
    for scheme in sorted(FITTING.get(mechanism.removesuffix("-PLUS"), ()))
    # A typed password knows neither the version of TLS nor whether PLAIN or LOGIN has brought it.
    if scheme == "SHA512-CRYPT"
    or mechanism not in (["LOGIN"] if kind.version is TLS_1_3 else ["PLAIN", "LOGIN"])
    or kind == Kind()
]
UNFIT = [
    (mechanism, scheme)
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5")
    for scheme in SCHEMES
    if scheme not in FITTING[mechanism]
]
REFUSED = [
    pytest.param(kind, mechanism, id=f"{name}-{mechanism}")
    for name, (kind, announced) in KINDS.items()
    for mechanism in MECHANISMS
    if mechanism not in announced
]


def wrong(password: str) -> str:
    return password[:-1] + "5"


@pytest.mark.parametrize(("kind", "announced"), KINDS.values(), ids=KINDS)
def test_announced(house: House, kind: Kind, announced: list[str]) -> None:
    """AUT-1, AUT-14, SCR-10, EXT-3: what is announced is what may be used, in the order of the setting."""
    with house.talk(kind) as talk:
        assert talk.mechanisms == announced


@pytest.mark.parametrize(("kind", "mechanism", "scheme"), CASES)
def test_a_login(house: House, kind: Kind, mechanism: str, scheme: str) -> None:
    """AUT-10; after a wrong password the connection is good for another try (AUT-12), after a right one for none (AUT-11)."""
    run, user = MECHANISMS[mechanism], user_of(scheme)
    with house.talk(kind) as talk:
        assert run(talk, Who(user, wrong(PASSWORD))) == "535 5.7.8 Authentication failed"
        if not mechanism.endswith("-PLUS"):  # a binding is good for one exchange, see test_bindings.py
            assert run(talk, Who(user, PASSWORD)) == "235 2.7.0 Logged in"
            assert run(talk, Who(user, PASSWORD)).startswith("503 5.5.1 ")
            return
    assert house.login(kind, mechanism, Who(user, PASSWORD)) == "235 2.7.0 Logged in"


@pytest.mark.parametrize(("mechanism", "scheme"), UNFIT, ids=[f"{name}-{scheme}" for name, scheme in UNFIT])
def test_a_scheme_that_cannot_serve(house: House, mechanism: str, scheme: str) -> None:
    """SCR-12: the right password is of no use where only another hash of it is stored."""
    assert house.login(Kind(), mechanism, Who(user_of(scheme), PASSWORD)) == "535 5.7.8 Authentication failed"


@pytest.mark.parametrize(("kind", "mechanism"), REFUSED)
def test_not_announced(house: House, kind: Kind, mechanism: str) -> None:
    """AUT-9, AUT-14: what is not announced is refused, whether the password is right or not."""
    for password in (PASSWORD, wrong(PASSWORD)):
        assert house.login(kind, mechanism, Who(user_of("PLAIN"), password)).startswith("504 5.5.4 ")


TOKENS = [
    pytest.param(kind, mechanism, id=f"{name}-{mechanism}")
    for name, (kind, announced) in KINDS.items()
    for mechanism in announced
    if "OAUTH" in mechanism
]


@pytest.mark.parametrize(("kind", "mechanism"), TOKENS)
def test_a_token(house: House, kind: Kind, mechanism: str) -> None:
    """OAB-3, OAB-4, XOA-1: a token that is signed with a known key, for its own user."""
    good = token(rsa_key(), email="tim@example.org")
    assert house.login(kind, mechanism, Who("tim@example.org", good)) == "235 2.7.0 Logged in"
    for user, secret in [
        ("joe@example.org", good),
        ("tim@example.org", token(rsa_key("another"), email="tim@example.org")),
        ("tim@example.org", token(rsa_key(), email="tim@example.org", exp=1)),
        ("tim@example.org", "b2xkLXRva2Vu"),
    ]:
        assert house.login(kind, mechanism, Who(user, secret)) == "535 5.7.8 Authentication failed"
