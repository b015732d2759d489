"""docs/rules.md has every rule that is cited, and no rule is forgotten."""

from __future__ import annotations

import pytest

from tests.rules import cited, excused, is_vector, named, rules


@pytest.mark.parametrize("folder", ["gsubmit", "cli", "tests", "man", "conf.d"])
def test_every_id_exists(folder: str) -> None:
    known = set(rules())
    assert {rule: str(path) for rule, path in named(folder).items() if rule not in known} == {}


def test_ids_are_given_once() -> None:
    assert len(rules()) == len(set(rules()))


def test_every_rule_has_a_test_or_a_reason() -> None:
    tests, reasons = named("tests"), excused()
    assert [rule for rule in rules() if not (rule in tests or rule in reasons or is_vector(rule))] == []
    assert [rule for rule in reasons if rule in tests] == [], "a test names it now: take it off the last chapter"
    assert set(reasons) <= set(rules())


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", []),
        ("(DSN-3 to DSN-5, STA-4)", ["DSN-3", "DSN-4", "DSN-5", "STA-4"]),
        ("BURL-16, -18, -22, TV-BRL-4, -6", ["BURL-16", "BURL-18", "BURL-22", "TV-BRL-4", "TV-BRL-6"]),
        ("SHA-256, UTF-8 and x-ABC-1", []),
    ],
)
def test_ids_are_seen(text: str, ids: list[str]) -> None:
    assert list(cited(text)) == ids
