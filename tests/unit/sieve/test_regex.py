"""Regular expressions (draft-murchison-sieve-regex), by RE2."""

from __future__ import annotations

import pytest

from gsubmit.sieve import regex
from tests.unit.sieve.runs import holds, mailboxes, problems

pytestmark = pytest.mark.skipif(not regex.IS_THERE, reason="google-re2 is not installed")
SUBJECT = "Subject: [list] Re: Fw: 2024 report (urgent)\n\n"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("^\\\\[list\\\\]", True),
        ("REPORT", True),
        ("report$", False),
        ("(re|fw): ", True),
        ("[0-9]{4}", True),
        ("[[:digit:]]+ rep", True),
        ("^$", False),
        ("a{3,}", False),
    ],
)
def test_it_is_found_anywhere(key: str, expected: bool) -> None:
    assert holds(f'header :regex "subject" "{key}"', "regex", message=SUBJECT) is expected


def test_a_character_is_more_than_an_octet() -> None:
    odd = "Subject: Äx ã\n\n"
    assert holds('header :regex "subject" "[äö]x"', "regex", message=odd)
    assert holds('header :regex "subject" "^.x"', "regex", message=odd)
    assert not holds('header :regex "subject" "[äö]$"', "regex", message=odd)
    assert regex.Pattern("^.ä(.)$", ignores_case=True).search("\udcffÄ\udcfe", lambda units: None, captures=True) == [
        "?Ä?",
        "?",
    ]


def test_case_is_the_comparators() -> None:
    assert not holds('header :regex :comparator "i;octet" "subject" "REPORT"', "regex", message=SUBJECT)


def test_the_longest_match_and_its_groups() -> None:
    """POSIX: the leftmost, and of those the longest."""
    script = """require ["regex", "variables", "fileinto"];
        if header :regex "subject" "_(a|ab)(x?)" { fileinto "${0}/${1}/${2}."; }"""
    assert mailboxes(script, "Subject: _abcd_\n\n") == ["_ab/ab/."]


def test_text_is_quoted() -> None:
    script = """require ["regex", "variables"]; set "text" "a.b*[c]"; set :quoteregex "quoted" "${text}";"""
    before = script.partition(";")[2]
    assert holds('string :regex "xa.b*[c]x" "${quoted}"', "regex", "variables", before=before)
    assert not holds('string :regex "aXb*[c]" "${quoted}"', "regex", "variables", before=before)


@pytest.mark.parametrize("key", ["(", "a{2,1}", "[z-a]", "*", "(?i)a"])
def test_what_is_none_is_an_error(key: str) -> None:
    (problem,) = problems(f'require "regex";\nif header :regex "subject" "{key}" {{ }}')
    assert problem.startswith("main:2: not a regular expression: ")


def test_a_key_with_variables_is_looked_at_when_it_runs() -> None:
    (problem,) = problems('require ["regex", "variables"];\nset "a" "(";\nif header :regex "subject" "${a}" { }')
    assert problem.startswith("main:3: not a regular expression: ")


def test_patterns_that_others_backtrack_over() -> None:
    long = "Subject: " + "a" * 5000 + "\n\n"
    assert not holds('header :regex "subject" "^(a+)+$b"', "regex", message=long)
    assert not holds('header :regex "subject" "(a*)*b"', "regex", "variables", message=long)
