"""Extra fields: words, variables, suffixes, and the name of the user."""

from __future__ import annotations

import pytest

from gsubmit.auth import fields
from tests.unit.auth.answering import ORIGIN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("nologin", {"nologin": "yes"}),
        ("a=1  b=2 c ", {"a": "1", "b": "2", "c": "yes"}),
        *((f"a=1{blank}nologin b", {"a": f"1{blank}nologin", "b": "yes"}) for blank in "\t\v\x1c\x85\xa0\u2003\u3000"),
        ("a=b=c d=", {"a": "b=c", "d": ""}),
        ("a=1 a=2", {"a": "2"}),
        ("userdb_home=/x a=1 userdb_y", {"a": "1"}),
        ("a:protected=1", {"a:protected": "1"}),
    ],
)
def test_parse(text: str, expected: dict[str, str]) -> None:
    assert fields.parse(text) == expected


def test_expanded() -> None:
    assert fields.expanded({"host": "%d.example.net", "x": "-"}, "tim@example.org", ORIGIN) == {
        "host": "example.org.example.net",
        "x": "-",
    }
    assert fields.expanded({"host": "%d"}, "tim", ORIGIN) == {"host": ""}
    with pytest.raises(ValueError, match="unknown variable"):
        fields.expanded({"host": "%{nothing}"}, "tim", ORIGIN)


@pytest.mark.parametrize(
    ("known", "added", "expected"),
    [
        pytest.param({"a": "1"}, {"a": "2"}, {"a": "2"}, id="later wins"),
        pytest.param({"a": "1"}, {"a:protected": "2"}, {"a": "1"}, id="protected, set"),
        pytest.param({}, {"a:protected": "2"}, {"a": "2"}, id="protected, unset"),
        pytest.param({"a": "1"}, {"a:default": "2"}, {"a": "1"}, id="default, set"),
        pytest.param({}, {"a:default": "2"}, {"a": "2"}, id="default, unset"),
        pytest.param({"a": "1"}, {"a:remove": "yes"}, {}, id="remove"),
        pytest.param({}, {"a:remove": "yes"}, {}, id="remove, unset"),
    ],
)
def test_merge(known: dict[str, str], added: dict[str, str], expected: dict[str, str]) -> None:
    fields.merge(known, added)
    assert known == expected


@pytest.mark.parametrize(
    ("given", "user", "expected"),
    [
        ({}, "tim@example.org", "tim@example.org"),
        ({"user": "tom"}, "tim@example.org", "tom"),
        ({"user": ""}, "tim", "tim"),
        ({"username": "tom"}, "tim@example.org", "tom@example.org"),
        ({"username": "tom"}, "tim", "tom"),
        ({"domain": "example.net"}, "tim@example.org", "tim@example.net"),
        ({"domain": "example.net"}, "tim", "tim@example.net"),
        ({"domain": ""}, "tim@example.org", "tim"),
        ({"username": "tom", "domain": "example.net"}, "tim@example.org", "tom@example.net"),
        ({"username": "", "domain": "example.net"}, "tim@example.org", "tim@example.net"),
    ],
)
def test_user_in(given: dict[str, str], user: str, expected: str) -> None:
    assert fields.user_in(given, user) == expected
