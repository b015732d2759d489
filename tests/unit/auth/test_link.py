"""One `passdb { }`: for whom it is asked, and the fields that its settings add."""

from __future__ import annotations

from typing import Any

import pytest

from gsubmit.auth.passdb import Answer, Origin
from gsubmit.sasl.claims import Claim, Cleartext, Proven
from tests.unit.auth.answering import ORIGIN, Answering, link, yes


def skips(mechanism: str = "PLAIN", user: str = "tim", **settings: Any) -> bool:
    return bool(link(yes(), **settings).skips(Cleartext(user, "x"), Origin(mechanism=mechanism), is_success=False))


@pytest.mark.parametrize(
    ("mechanisms", "mechanism", "skipped"),
    [
        ((), "PLAIN", False),
        (("plain", "login"), "LOGIN", False),
        (("PLAIN",), "plain", False),
        (("plain",), "SCRAM-SHA-256", True),
        (("scram-sha-256",), "SCRAM-SHA-256-PLUS", True),
    ],
)
def test_mechanisms(mechanisms: tuple[str, ...], mechanism: str, skipped: bool) -> None:
    assert skips(mechanism, mechanisms=mechanisms) is skipped


@pytest.mark.parametrize(
    ("words", "user", "skipped"),
    [
        pytest.param("", "tim", False, id="empty means all"),
        pytest.param("tim", "tim", False, id="the name"),
        pytest.param("tim", "timothy", True, id="the whole name"),
        pytest.param("*@example.org", "tim@example.org", False, id="star"),
        pytest.param("*@example.org", "tim@example.net", True, id="star, no match"),
        pytest.param("t?m", "tom", False, id="question mark"),
        pytest.param("t?m", "tm", True, id="question mark is one character"),
        pytest.param("a* b*", "bob", False, id="one of several"),
        pytest.param("!*@example.org", "tim@example.org", True, id="not those"),
        pytest.param("!*@example.org", "tim@example.net", False, id="only not those, so all others"),
        pytest.param("*@example.org !tim@*", "tim@example.org", True, id="those but not that one"),
        pytest.param("*@example.org !tim@*", "tom@example.org", False, id="those but not another"),
        pytest.param("!tim@* *@example.org", "tim@example.org", True, id="order does not matter"),
        pytest.param("t[io]m", "tim", True, id="bracket is no class"),
        pytest.param("t[io]m", "t[io]m", False, id="bracket is itself"),
        pytest.param("![a-z]*", "tim", False, id="bracket after the mark"),
        pytest.param("Tim", "tim", True, id="case counts"),
    ],
)
def test_username_filter(words: str, user: str, skipped: bool) -> None:
    assert skips(user=user, username_filter=tuple(words.split())) is skipped


@pytest.mark.parametrize("deny", [False, True])
def test_kinds_of_claims(deny: bool) -> None:
    """A deny list is looked up whatever is claimed."""
    proven_only = link(yes((Proven,)), deny=deny)
    assert proven_only.serves(Cleartext("tim", "x")) is deny


def answered(
    known: dict[str, str] | None = None,
    claim: Claim | None = None,
    answer: dict[str, str] | None = None,
    **settings: Any,
) -> dict[str, str]:
    asked = link(Answering(Answer(answer or {})), **settings)
    return dict(asked.ask(claim or Cleartext("tim@example.org", "x"), ORIGIN, known or {}).fields)


def test_default_fields() -> None:
    """They are for users that have none of that name."""
    assert answered(default_fields="a=1 b") == {"a": "1", "b": "yes"}
    assert answered(default_fields="a=1", answer={"a": "2"}) == {"a": "2"}
    assert answered(default_fields="a=1", known={"a": "0"}) == {"a": "0"}


@pytest.mark.parametrize("suffix", ["protected", "default"])
def test_default_fields_with_a_suffix(suffix: str) -> None:
    assert answered(default_fields=f"a:{suffix}=1") == {"a": "1"}


def test_override_fields() -> None:
    assert answered(override_fields="a=1", answer={"a": "2"}, known={"a": "0"}) == {"a": "1"}
    assert answered(override_fields="a:protected=1", answer={"a": "2"}) == {"a": "2"}
    assert answered(override_fields="a:remove", answer={"a": "2", "b": "3"}) == {"b": "3"}


def test_nopassword_stays() -> None:
    """Or a login proxy would take for looked at what nobody has looked at."""
    assert answered(override_fields="nopassword:remove", answer={"nopassword": "yes"}) == {"nopassword": "yes"}


@pytest.mark.parametrize("setting", ["default_fields", "override_fields"])
def test_variables(setting: str) -> None:
    text = "a=%u b=%n c=%d d=%r e=%{local_ip} f=%m g=%s h=%{session} i=%Uu j=%{user|upper} k=100%%"
    settings: dict[str, Any] = {setting: text}
    assert answered(**settings) == {
        "a": "tim@example.org",
        "b": "tim",
        "c": "example.org",
        "d": "192.0.2.10",
        "e": "192.0.2.1",
        "f": "PLAIN",
        "g": "submission",
        "h": "s1",
        "i": "TIM@EXAMPLE.ORG",
        "j": "TIM@EXAMPLE.ORG",
        "k": "100%",
    }


@pytest.mark.parametrize("setting", ["default_fields", "override_fields"])
@pytest.mark.parametrize("user", ["x nologin proxy", "x\tnologin", "x=%d", "%u", "nologin:remove", "a:remove=b"])
def test_a_name_cannot_add_fields(setting: str, user: str) -> None:
    """With auth_username_chars empty a client may log in as anything."""
    settings: dict[str, Any] = {setting: "a=%u"}
    assert answered(claim=Cleartext(user, "x"), **settings) == {"a": user}


def test_userdb_fields_are_left_out() -> None:
    assert answered(override_fields="userdb_home=/x a=1") == {"a": "1"}
