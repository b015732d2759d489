"""User names: the separator of master users, realm, translation, characters, format, in this order."""

from __future__ import annotations

from typing import Any

import pytest

from gsubmit.auth.names import Names
from gsubmit.sasl.claims import Cleartext, Denied
from gsubmit.settings.login import UsernameSettings

ANY = {"auth_username_chars": ""}


def names(**auth: Any) -> Names:
    return Names(UsernameSettings(**auth))


def parties(authentication_id: str, authorization_id: str = "", **auth: Any) -> tuple[str, str]:
    return names(**auth).parties(Cleartext(authentication_id, "x", authorization_id=authorization_id))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("tim", "tim"), ("Tim@Example.ORG", "tim@example.org"), ("a.b-c_D@x@Y", "a.b-c_d@x@y"), ("09", "09")],
)
def test_defaults(name: str, expected: str) -> None:
    assert names().canonical(name) == expected


@pytest.mark.parametrize(
    "name", ["", "ti m", "tim/../x", "tim\0", "tim*master", "tim%u", "jürgen", "tim\n", "tim:x", "\u212a", "\u0663"]
)
def test_refused(name: str) -> None:
    with pytest.raises(Denied):
        names().canonical(name)


@pytest.mark.parametrize(
    ("auth", "name", "expected"),
    [
        pytest.param({"auth_default_realm": "example.org"}, "tim", "tim@example.org", id="6.7-2 no domain"),
        pytest.param({"auth_default_realm": "example.org"}, "tim@x", "tim@x", id="6.7-2 with a domain"),
        pytest.param({"auth_default_realm": "example.org"}, "tim@", "tim@", id="6.7-2 with an empty one"),
        pytest.param({"auth_username_translation": "%@#@"}, "tim%x#y", "tim@x@y", id="6.7-3"),
        pytest.param({"auth_username_translation": "abba"}, "abab", "baba", id="6.7-3 once for each character"),
        pytest.param(
            {"auth_default_realm": "x", "auth_username_translation": "%@"},
            "tim%y",
            "tim@y@x",
            id="6.7 realm before translation",
        ),
        pytest.param(
            {"auth_default_realm": "a/b", "auth_username_translation": "/."},
            "tim",
            "tim@a.b",
            id="6.7 translation after realm",
        ),
        pytest.param(
            {"auth_username_translation": "/-", "auth_username_chars": "tim-"},
            "t/m",
            "t-m",
            id="6.7 characters after translation",
        ),
        pytest.param(ANY, "jürgen müller/*%u", "jürgen müller/*%u", id="6.7-4 empty: all characters"),
        pytest.param({"auth_username_chars": "TIM"}, "TIM", "tim", id="6.7 format after characters"),
        pytest.param({"auth_username_format": "%Lu"}, "Tim@X", "tim@x", id="6.7-5 %Lu"),
        pytest.param({"auth_username_format": "%u"}, "Tim@X", "Tim@X", id="6.7-5 %u"),
        pytest.param({"auth_username_format": "%n"}, "Tim@X", "Tim", id="6.7-5 %n"),
        pytest.param({"auth_username_format": "%Ln"}, "Tim@X", "tim", id="6.7-5 %Ln"),
        pytest.param({"auth_username_format": "%Ud"}, "Tim@x", "X", id="6.7-5 %Ud"),
        pytest.param({"auth_username_format": "%{user|lower}"}, "Tim@X", "tim@x", id="6.7-5 of 2.4"),
        pytest.param({"auth_username_format": "%{user | lower}"}, "Tim@X", "tim@x", id="6.7-5 of 2.4, blanks"),
        pytest.param({"auth_username_format": "%n@x"}, "tim@y", "tim@x", id="6.7-5 text"),
        pytest.param({**ANY, "auth_username_format": "%u"}, "%d", "%d", id="6.7-5 a name is no template"),
    ],
)
def test_canonical(auth: dict[str, str], name: str, expected: str) -> None:
    assert names(**auth).canonical(name) == expected


@pytest.mark.parametrize(
    ("auth", "name", "reason"),
    [
        pytest.param({"auth_username_chars": "abc"}, "abd", "character not allowed", id="6.7-4"),
        pytest.param({"auth_username_chars": "abc@"}, "ABC", "character not allowed", id="6.7-4 case counts"),
        pytest.param(
            {"auth_default_realm": "y", "auth_username_chars": "x"},
            "x",
            "character not allowed",
            id="6.7-4 after realm",
        ),
        pytest.param({"auth_username_format": "%d"}, "tim", "empty after", id="6.7-5 empty result"),
        pytest.param({"auth_default_realm": "x"}, "", "empty user name", id="empty even with a realm"),
    ],
)
def test_denied(auth: dict[str, str], name: str, reason: str) -> None:
    with pytest.raises(Denied, match=reason):
        names(**auth).canonical(name)


STAR = {"auth_master_user_separator": "*"}


@pytest.mark.parametrize(
    ("auth", "authentication_id", "authorization_id", "expected"),
    [
        pytest.param({}, "Tim", "", ("tim", "tim"), id="one name"),
        pytest.param({}, "Tim", "tIM", ("tim", "tim"), id="PLN-2 the same, in other letters"),
        pytest.param({}, "root", "Tim", ("tim", "root"), id="6.7 authorization id"),
        pytest.param(STAR, "Tim*Root", "", ("tim", "root"), id="6.7-1 separator"),
        pytest.param(STAR, "tim*root", "TIM", ("tim", "root"), id="6.7-1 separator and authorization id agree"),
        pytest.param(STAR, "tim", "", ("tim", "tim"), id="6.7-1 no separator in the name"),
        pytest.param(STAR, "tim*tim", "", ("tim", "tim"), id="6.7-1 oneself"),
        pytest.param({"auth_master_user_separator": "::"}, "tim::root", "", ("tim", "root"), id="6.7-1 two characters"),
        pytest.param(
            {**STAR, "auth_default_realm": "x"}, "tim*root", "", ("tim@x", "root@x"), id="6.7 realm for both names"
        ),
        pytest.param(
            {**STAR, "auth_username_translation": "*-"},
            "tim*root",
            "",
            ("tim", "root"),
            id="6.7 separator before translation",
        ),
        pytest.param({**STAR, **ANY}, "a*b*c", "", ("a", "b*c"), id="6.7-1 the first separator"),
    ],
)
def test_parties(
    auth: dict[str, str], authentication_id: str, authorization_id: str, expected: tuple[str, str]
) -> None:
    assert parties(authentication_id, authorization_id, **auth) == expected


@pytest.mark.parametrize(
    ("auth", "authentication_id", "authorization_id"),
    [
        pytest.param({}, "tim*root", "", id="no separator set"),
        pytest.param({}, "tim", "no body", id="AUT-18 authorization id is no name"),
        pytest.param(STAR, "tim*root", "tom", id="two users to act for"),
        pytest.param(STAR, "tim*", "", id="no master user"),
        pytest.param(STAR, "*root", "", id="nobody to act for"),
        pytest.param(STAR, "*root", "tim", id="nobody to act for, and somebody"),
        pytest.param(STAR, "*", "", id="nobody at all"),
        pytest.param(STAR, "tim*a*b", "", id="two separators"),
    ],
)
def test_no_parties(auth: dict[str, str], authentication_id: str, authorization_id: str) -> None:
    with pytest.raises(Denied):
        parties(authentication_id, authorization_id, **auth)
