"""Match types and comparators (RFC 5228 2.7, RFC 4790, RFC 5051, RFC 5231)."""

from __future__ import annotations

import pytest

from tests.unit.sieve.runs import MESSAGE, holds, mailboxes, problems

NUMERIC = "comparator-i;ascii-numeric"
UNICODE = "comparator-i;unicode-casemap"


@pytest.mark.parametrize(
    ("test", "extensions"),
    [
        ('header "x-two" "SECOND"', ()),
        ('header :is ["none", "X-TWO"] ["x", "first"]', ()),
        ('header :contains "subject" ""', ()),
        ('header :contains "subject" "OTHER"', ()),
        ('header :contains "subject" "Brücke"', ()),
        ('header :matches "subject" "*th? other*"', ()),
        ('header :matches "subject" "Br??cke*"', ()),  # an octet each, RFC 5228 2.7.1
        (f'header :matches :comparator "{UNICODE[11:]}" "subject" "br?cke*"', (UNICODE,)),
        (f'header :contains :comparator "{UNICODE[11:]}" "subject" "BRÜCKE"', (UNICODE,)),
        (f'header :is :comparator "{NUMERIC[11:]}" "x-number" "10"', (NUMERIC,)),
        (f'header :is :comparator "{NUMERIC[11:]}" "x-number" "10abc"', (NUMERIC,)),
        (f'header :is :comparator "{NUMERIC[11:]}" "subject" "more"', (NUMERIC,)),  # both infinite
        (
            f'header :value "lt" :comparator "{NUMERIC[11:]}" "x-number" "0000000000009999999999999999999999"',
            (NUMERIC, "relational"),
        ),
        (f'header :value "gt" :comparator "{NUMERIC[11:]}" "subject" "99999999"', (NUMERIC, "relational")),
        ('header :value "gt" "x-two" "FIRST"', ("relational",)),
        ('header :value "ne" "x-two" "first"', ("relational",)),
        ('header :count "eq" "x-two" "2"', ("relational",)),
        (f'header :count "ge" :comparator "{NUMERIC[11:]}" ["x-two", "subject"] "3"', ("relational", NUMERIC)),
        ('header :count "eq" "none" "0"', ("relational",)),
        (r'header :matches "x-odd" "\\*a\\?\\\\"', ()),
        ('header :matches "x-empty" ""', ()),
        ('header :matches "x-empty" "*"', ()),
    ],
)
def test_it_matches(test: str, extensions: tuple[str, ...]) -> None:
    assert holds(test, *extensions, message="X-Odd: *a?\\\nX-Empty:\n" + MESSAGE)


@pytest.mark.parametrize(
    ("test", "extensions"),
    [
        ('header :comparator "i;octet" "x-two" "SECOND"', ()),
        ('header :contains :comparator "i;octet" "subject" "OTHER"', ()),
        ('header :contains "subject" "BRÜCKE"', ()),
        ('header :matches "subject" "Br?cke*"', ()),
        ('header :matches "subject" "other"', ()),
        ('header :is "none" ""', ()),
        ('header :matches "none" "*"', ()),
        (f'header :is :comparator "{NUMERIC[11:]}" "x-number" "100"', (NUMERIC,)),
        ('header :value "gt" :comparator "i;octet" "x-two" "t"', ("relational",)),
        ('header :count "gt" "x-two" "2"', ("relational",)),
    ],
)
def test_it_does_not_match(test: str, extensions: tuple[str, ...]) -> None:
    assert not holds(test, *extensions)


def test_the_order_of_ascii_casemap_is_that_of_capitals() -> None:
    """RFC 4790 9.2.1: `_` lies behind them."""
    assert holds('header :value "gt" "x-a" "ABC"', "relational", message="X-A: a_\n\n")


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("*", "abc", "abc|abc|"),
        ("a*c*", "abcbc", "abcbc|b|bc"),  # the first star takes the least
        ("**.com", "x.com", "x.com||x"),
        ("?*?", "abcd", "abcd|a|bc"),
        ("*?", "ab", "ab|a|b"),
        ("[*] *", "[acme-users] [fwd] version 1.0", "[acme-users] [fwd] version 1.0|acme-users|[fwd] version 1.0"),
        ("*é?", "aéb", "aéb|a|b"),
        ("?*", "éa", None),  # the octets of é are not text, one by one
    ],
)
def test_wildcards_take_the_least(pattern: str, value: str, expected: str | None) -> None:
    """RFC 5229 3.2 (SIV-10)."""
    script = f'require ["variables", "fileinto"];\nif header :matches "x-v" "{pattern}" {{ fileinto "${{0}}|${{1}}|${{2}}"; }}'
    if expected is None:
        assert problems(script, message=f"X-V: {value}\n\n")
    else:
        assert mailboxes(script, f"X-V: {value}\n\n") == [expected]


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("* foo", "Jörg foo", "Jörg"),
        ("*ß*", "Großer ÄÖ", "Gro|er ÄÖ"),
        ("?", "é", "é"),
        ("?ß", "e\u0301ß", "e\u0301"),
        ("ﬃ*", "ﬃn", "n"),
        ("*?", "ﬀe\u0301", "ﬀ|e\u0301"),
        ("**n", "\ufdfaé n", "|\ufdfaé "),
        ("?örg", "jo\u0308rg", "j"),
        ("*e*", "xé", "x|"),
        ("*", "", ""),
    ],
)
def test_match_values_are_stretches_of_the_value(pattern: str, value: str, expected: str) -> None:
    """RFC 5229 3.2: of the source, also where a comparator makes it longer."""
    stars = "|".join(f"${{{at}}}" for at in range(1, 1 + pattern.count("*") + pattern.count("?")))
    script = f"""require ["variables", "fileinto", "{UNICODE}"];
        if header :matches :comparator "i;unicode-casemap" "x-v" "{pattern}" {{ fileinto "f{stars}"; }}"""
    assert mailboxes(script, f"X-V: {value}\n\n") == [f"f{expected}"]


@pytest.mark.parametrize(
    ("pattern", "value"),
    [("明日\uff1f", "明日は"), ("\uff0a", "a"), ("C\uff3cD", "CD"), ("ﬀ", "f"), ("s", "ß"), ("??", "é")],
)
def test_no_letter_is_a_wildcard(pattern: str, value: str) -> None:
    """RFC 5228 2.7.1: those are `*` and `?` as they are written, whatever other characters are decomposed to."""
    test = f'header :matches :comparator "i;unicode-casemap" "x-v" "{pattern}"'
    assert not holds(test, UNICODE, message=f"X-V: {value}\n\n")
    if "?" not in pattern:
        assert holds(test, UNICODE, message=f"X-V: {pattern}\n\n")


def test_match_values_are_those_of_the_last_match() -> None:
    script = """require ["variables", "fileinto", "copy"];
        if header :matches "subject" "*to*" { fileinto :copy "${2}"; }
        if header :matches "subject" "no*" { }
        fileinto "x${1}";"""
    assert mailboxes(script, "Subject: a to b\n\n") == [" b", "xa "]
