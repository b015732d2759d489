"""Sieve: wildcards against a naive reference, and scripts and fields of any text."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gsubmit.sieve import comparators
from gsubmit.sieve.addresses import addresses
from gsubmit.sieve.comparators import CASEMAP, COMPARATORS, OCTET
from gsubmit.sieve.dates import PARTS, read_date
from gsubmit.sieve.errors import SieveError
from gsubmit.sieve.markup import text_of
from gsubmit.sieve.mimefields import parameters
from gsubmit.sieve.script import compile_script
from gsubmit.sieve.wildcards import Pattern

SETTINGS = settings(max_examples=400, deadline=None)
PIECES = [
    *';,()[]{}":\\',
    *("if", "elsif", "else", "true", "not", "anyof", "header", ":is", ":contains", ":matches", "keep", "set", "stop"),
    *('"a"', '["a", "b"]', "10K", "text:\n", "\n.\n", "# x\n", "/*", "*/", "require", '"variables"', "${a}"),
]
WORDS = st.sampled_from(PIECES)


def _naive(pattern: str, value: str) -> list[str] | None:
    """The shortest match of each wildcard from the left, by trying."""
    if not pattern:
        return None if value else []
    if pattern[0] == "*":
        for end in range(len(value) + 1):
            rest = _naive(pattern[1:], value[end:])
            if rest is not None:
                return [value[:end], *rest]
        return None
    if not value:
        return None
    if pattern[0] == "?":
        rest = _naive(pattern[1:], value[1:])
        return None if rest is None else [value[0], *rest]
    literal, rest_of_pattern = (pattern[1], pattern[2:]) if pattern[0] == "\\" else (pattern[0], pattern[1:])
    return _naive(rest_of_pattern, value[1:]) if value[0] == literal else None


def _no_pause() -> None:
    pass


PATTERNS = st.lists(st.sampled_from(["*", "?", "a", "b", "\\*", "\\?", "\\\\"]), max_size=8).map("".join)


@SETTINGS
@given(PATTERNS, st.text("ab*?\\", max_size=12))
def test_wildcards_match_as_by_trying(pattern: str, value: str) -> None:
    expected = _naive(pattern, value)
    found = Pattern(pattern, OCTET, _no_pause).match(value, lambda units: None, _no_pause)
    assert found == (None if expected is None else [value, *expected])


@SETTINGS
@given(st.text("abAB*?é", max_size=8), st.text("abABéß", max_size=12))
def test_whatever_matches_is_made_of_its_pieces(pattern: str, value: str) -> None:
    for comparator in (CASEMAP, COMPARATORS["i;unicode-casemap"]):
        found = Pattern(pattern, comparator, _no_pause).match(value, lambda units: None, _no_pause)
        assert found is None or len(found) == 1 + pattern.count("*") + pattern.count("?")


@SETTINGS
@given(st.text("ab\u00e9\u0301\u0315\u01c4\ufb03\uff9e\u0f73\uac00\u1161", max_size=40))
def test_pieces_are_decomposed_as_the_whole(text: str) -> None:
    assume(not re.search("[\u0301\u0315\uff9e\u0f73]{7}", text))
    titles = "".join(title if len(title := one.title()) == 1 else one for one in text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparators, "_MARKS", 8)
        found = COMPARATORS["i;unicode-casemap"].folded(text, _no_pause)
    assert found == unicodedata.normalize("NFKD", titles)


@SETTINGS
@given(st.text(), st.text())
def test_an_order_is_an_order(one: str, other: str) -> None:
    for comparator in COMPARATORS.values():
        if comparator.folded(one, _no_pause) == comparator.folded(other, _no_pause):
            assert comparator.key(one, _no_pause) == comparator.key(other, _no_pause)
        else:
            assert (comparator.key(one, _no_pause) < comparator.key(other, _no_pause)) != (
                comparator.key(other, _no_pause) < comparator.key(one, _no_pause)
            )


@SETTINGS
@given(st.one_of(st.text(), st.lists(WORDS, max_size=30).map(" ".join)))
def test_any_text_compiles_or_has_problems_with_lines(text: str) -> None:
    with suppress(SieveError):
        compile_script(text, "x")


@SETTINGS
@given(st.one_of(st.text(), st.text('<>@,;:"()\\ .ab=?', max_size=40)))
def test_any_field_is_read(text: str) -> None:
    for address in addresses(text):
        assert address.whole or not address.domain
    parameters(text)
    text_of(text, lambda units: None)


@SETTINGS
@given(st.one_of(st.text(), st.text("0123456789 :+-;,FrinovDecJa()", max_size=40)))
def test_any_date_is_read(text: str) -> None:
    moment = read_date(text)
    if moment is not None:
        assert all(part(moment) for part in PARTS.values())
