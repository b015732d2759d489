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
        pytest.param({"auth_default_realm": "example.org"}, "tim", "tim@example.org", id="no domain"),
        pytest.param({"auth_default_realm": "example.org"}, "tim@x", "tim@x", id="with a domain"),
        pytest.param({"auth_default_realm": "example.org"}, "tim@", "tim@", id="with an empty one"),
        pytest.param({"auth_username_translation": "%@#@"}, "tim%x#y", "tim@x@y", id="characters are translated"),
        pytest.param({"auth_username_translation": "abba"}, "abab", "baba", id="once for each character"),
        pytest.param(
            {"auth_default_realm": "x", "auth_username_translation": "%@"},
            "tim%y",
            "tim@y@x",
            id="realm before translation",
        ),
        pytest.param(
            {"auth_default_realm": "a/b", "auth_username_translation": "/."},
            "tim",
            "tim@a.b",
            id="translation after realm",
        ),
        pytest.param(
            {"auth_username_translation": "/-", "auth_username_chars": "tim-"},
            "t/m",
            "t-m",
            id="characters after translation",
        ),
        pytest.param(ANY, "jürgen müller/*%u", "jürgen müller/*%u", id="empty: all characters"),
        pytest.param({"auth_username_chars": "TIM"}, "TIM", "tim", id="format after characters"),
        pytest.param({"auth_username_format": "%Lu"}, "Tim@X", "tim@x", id="%Lu"),
        pytest.param({"auth_username_format": "%u"}, "Tim@X", "Tim@X", id="%u"),
        pytest.param({"auth_username_format": "%n"}, "Tim@X", "Tim", id="%n"),
        pytest.param({"auth_username_format": "%Ln"}, "Tim@X", "tim", id="%Ln"),
        pytest.param({"auth_username_format": "%Ud"}, "Tim@x", "X", id="%Ud"),
        pytest.param({"auth_username_format": "%{user|lower}"}, "Tim@X", "tim@x", id="of 2.4"),
        pytest.param({"auth_username_format": "%{user | lower}"}, "Tim@X", "tim@x", id="of 2.4, blanks"),
        pytest.param({"auth_username_format": "%n@x"}, "tim@y", "tim@x", id="text"),
        pytest.param({**ANY, "auth_username_format": "%u"}, "%d", "%d", id="a name is no template"),
    ],
)
def test_canonical(auth: dict[str, str], name: str, expected: str) -> None:
    assert names(**auth).canonical(name) == expected


@pytest.mark.parametrize(
    ("auth", "name", "reason"),
    [
        pytest.param({"auth_username_chars": "abc"}, "abd", "character not allowed", id="a letter"),
        pytest.param({"auth_username_chars": "abc@"}, "ABC", "character not allowed", id="case counts"),
        pytest.param(
            {"auth_default_realm": "y", "auth_username_chars": "x"},
            "x",
            "character not allowed",
            id="after realm",
        ),
        pytest.param({"auth_username_format": "%d"}, "tim", "empty after", id="empty result"),
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
        pytest.param({}, "root", "Tim", ("tim", "root"), id="authorization id"),
        pytest.param(STAR, "Tim*Root", "", ("tim", "root"), id="separator"),
        pytest.param(STAR, "tim*root", "TIM", ("tim", "root"), id="separator and authorization id agree"),
        pytest.param(STAR, "tim", "", ("tim", "tim"), id="no separator in the name"),
        pytest.param(STAR, "tim*tim", "", ("tim", "tim"), id="oneself"),
        pytest.param({"auth_master_user_separator": "::"}, "tim::root", "", ("tim", "root"), id="two characters"),
        pytest.param(
            {**STAR, "auth_default_realm": "x"}, "tim*root", "", ("tim@x", "root@x"), id="realm for both names"
        ),
        pytest.param(
            {**STAR, "auth_username_translation": "*-"},
            "tim*root",
            "",
            ("tim", "root"),
            id="separator before translation",
        ),
        pytest.param({**STAR, **ANY}, "a*b*c", "", ("a", "b*c"), id="the first separator"),
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
