"""The driver static: one password for everybody."""

from __future__ import annotations

import pytest

from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.looks import MADE
from gsubmit.auth.means import Means
from gsubmit.auth.passdb import Answer
from gsubmit.auth.passdbs.static import Static
from gsubmit.sasl.claims import Cleartext, CramKeys, Denied, KeysWanted, Proven, ScramKeys, Token
from tests.unit.auth.answering import ORIGIN


def static(args: str, *, allow_weak_schemes: bool = False) -> Static:
    return Static.from_args(args, Means(VerifiedCache(0, 0), allow_weak_schemes))


@pytest.mark.parametrize(
    ("args", "password", "expected"),
    [
        pytest.param("password=secret", "secret", {}, id="plain by default"),
        pytest.param(
            "password={SHA256.hex}" + "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
            "secret",
            {},
            id="scheme",
        ),
        pytest.param("nopassword", "anything", {"nopassword": "yes"}, id="nopassword"),
        pytest.param("nopassword=y a=%n b", "x", {"nopassword": "y", "a": "tim", "b": "yes"}, id="fields"),
        pytest.param("password=a=b", "a=b", {}, id="= in the password"),
    ],
)
def test_yes(args: str, password: str, expected: dict[str, str]) -> None:
    assert static(args).verify(Cleartext("tim@example.org", password), ORIGIN) == Answer(expected)


def test_no() -> None:
    with pytest.raises(Denied, match="password mismatch"):
        static("password=secret").verify(Cleartext("tim", "other"), ORIGIN)


@pytest.mark.parametrize(
    ("args", "fields"), [("password=secret a=1", {"a": "1"}), ("nopassword a=1", {"nopassword": "yes", "a": "1"})]
)
def test_everybody_exists(args: str, fields: dict[str, str]) -> None:
    assert static(args).verify(Proven("tim"), ORIGIN) == Answer(fields)


def test_only_a_backend_can_look_at_a_token() -> None:
    assert Token not in static("nopassword").serves
    assert Token not in static("nopassword proxy=no host=mx").serves
    assert Token not in static("password=secret proxy host=mx").serves
    passdb = static("nopassword proxy host=mx")
    assert Token in passdb.serves
    assert passdb.verify(Token("tim", token="t"), ORIGIN).fields["host"] == "mx"


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ("", "password= or nopassword"),
        ("a=1", "password= or nopassword"),
        ("password=", "password= or nopassword"),
        ("password=x nopassword", "password= or nopassword"),
        ("password={FOO}x", "unknown password scheme"),
        ("password=x a=%{nothing}", "unknown variable"),
    ],
)
def test_bad_args(args: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        static(args)


def test_keys() -> None:
    passdb = static("password=secret")
    for scheme, kind in (("SCRAM-SHA-256", ScramKeys), ("SCRAM-SHA-1", ScramKeys), ("CRAM-MD5", CramKeys)):
        keys = passdb.verify(KeysWanted("tim", scheme=scheme), ORIGIN).keys
        assert keys is not None
        assert isinstance(keys.make(), kind)


@pytest.mark.parametrize("args", ["nopassword", "password={SSHA256}c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"])
def test_no_keys(args: str) -> None:
    with pytest.raises(Denied, match="no password that SCRAM-SHA-256 could use"):
        static(args).verify(KeysWanted("tim", scheme="SCRAM-SHA-256"), ORIGIN)


def test_weak_schemes() -> None:
    args = "password={PLAIN-MD5}5ebe2294ecd0e0f08eab7690d2a6ee69"
    assert static(args, allow_weak_schemes=True).verify(Cleartext("tim", "secret"), ORIGIN) == Answer()
    with pytest.raises(Denied, match="auth_allow_weak_schemes"):
        static(args).verify(Cleartext("tim", "secret"), ORIGIN)


def test_fault_of_the_hash_is_for_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Denied, match="malformed hash"):
        static("password={CRYPT}$9$x").verify(Cleartext("tim", "secret"), ORIGIN)
    assert caplog.messages == ["static: stored password: malformed hash, or of an unknown kind"]


def test_hash_that_costs_too_much() -> None:
    with pytest.raises(ValueError, match="hash takes too long to compute, see auth_max_hash_time"):
        static("password={CRYPT}$6$rounds=999999999$salt$hash")


@pytest.mark.parametrize("args", ["password=hunter2", "password={FOO}hunter2"])
def test_password_is_not_shown(args: str) -> None:
    try:
        shown = str(static(args)) + repr(static(args))
    except ValueError as error:
        shown = str(error)
    assert "hunter2" not in shown


def test_pretending() -> None:
    passdb = static("password=secret")
    assert passdb.pretend(Cleartext("tim", "x"), ORIGIN) is None
    assert passdb.pretend(KeysWanted("tim", scheme="SCRAM-SHA-1"), ORIGIN) == {MADE: 1}
