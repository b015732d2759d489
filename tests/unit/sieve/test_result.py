"""What comes out of a script."""

from __future__ import annotations

from typing import Any

import pytest

from gsubmit.sieve.limits import Limits
from gsubmit.sieve.result import Discard, FileInto, Keep, Redirect, Reject, Tracked
from tests.unit.sieve.runs import actions, holds, problems, run

ALL = 'require ["fileinto", "copy", "imap4flags", "reject", "ereject", "variables", "mailbox", "duplicate"];\n'


@pytest.mark.parametrize(
    ("script", "expected", "keeps"),
    [
        ("", [], True),
        ("keep;", [Keep()], True),
        ("discard;", [Discard()], False),
        ("discard; keep;", [Discard(), Keep()], True),
        ("keep; discard;", [Keep()], True),
        ('redirect "a@b.org";', [Redirect("a@b.org")], False),
        ('redirect :copy "a@b.org";', [Redirect("a@b.org", is_copy=True)], True),
        ('redirect "a@b.org"; redirect "a@b.org"; redirect "a@B.ORG";', [Redirect("a@b.org")], False),
        ('redirect "A <a@b.org>";', [Redirect("a@b.org")], False),
        ('fileinto "x"; stop; keep;', [FileInto("x")], False),
        ('fileinto :copy :create "x";', [FileInto("x", is_copy=True, create=True)], True),
        ('reject "no";', [Reject("no")], False),
        ('ereject "no"; discard;', [Reject("no", is_ereject=True)], False),
        ('if true { redirect :copy "a@b.org"; } else { discard; }', [Redirect("a@b.org", is_copy=True)], True),
    ],
)
def test_actions_and_whether_it_is_kept(script: str, expected: list[object], keeps: bool) -> None:
    result = run(ALL + script)
    assert (result.actions, result.keeps) == (expected, keeps)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('addflag "\\\\Flagged a"; addflag ["A", "b"]; keep;', ("\\Flagged", "a", "b")),
        ('addflag "a b"; removeflag "B"; keep;', ("a",)),
        ('setflag "a"; setflag "b  c "; keep;', ("b", "c")),
        ('setflag "a"; keep :flags ["x y", ""];', ("x", "y")),
        ('setflag "v" "a"; addflag "v" "b"; keep :flags "${v}";', ("a", "b")),
        ('addflag ["\\\\Recent", "\\\\Foo", "(", "é", "$Forwarded"]; keep;', ("$Forwarded",)),
        ('keep :flags "a"; keep :flags "b";', ("b",)),  # RFC 5232 3: the last flags win
    ],
)
def test_flags(script: str, expected: tuple[str, ...]) -> None:
    assert actions(ALL + script) == [Keep(expected)]


def test_the_last_flags_of_a_mailbox_win() -> None:
    found = actions(ALL + 'fileinto :flags "a" "x"; fileinto "y"; fileinto :flags "b" "x";')
    assert found == [FileInto("x", ("b",)), FileInto("y")]


def test_flags_are_those_of_the_implicit_keep() -> None:
    assert run(ALL + 'addflag "a";').flags == ("a",)


@pytest.mark.parametrize(
    "test",
    [
        'hasflag "b A"',
        'hasflag :contains "v" ["x", "forw"]',
        'hasflag :count "eq" "v" "2"',
        'hasflag :matches "V" "$*"',
    ],
)
def test_hasflag(test: str) -> None:
    before = 'setflag "a b"; setflag "v" "$Forwarded junk";'
    assert holds(test, "imap4flags", "variables", "relational", before=before)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('redirect "${x}a@b.org x";', "main:2: 'a@b.org x' is not an address"),
        ('fileinto "${x}";', "main:2: '' cannot be the name of a mailbox"),
        ("".join(f'redirect "a{at}@b.org";' for at in range(5)), "main:2: more than 4 redirects"),
        ("".join(f'fileinto "a{at}";' for at in range(33)), "main:2: more than 32 actions"),
        ('redirect "a@b.org"; reject "no";', "main:2: reject cannot be used together with other actions"),
        ('reject "no"; fileinto "x";', "main:2: reject cannot be used together with other actions"),
    ],
)
def test_what_cannot_be_done_is_an_error(script: str, expected: str) -> None:
    assert problems(ALL + script) == [expected]


def test_variables_have_limits() -> None:
    many = "".join(f'set "v{at}" "x";' for at in range(4))
    assert problems(ALL + many, limits=Limits(variables=3)) == ["main:2: more than 3 variables"]
    double = 'set "a" "0123456789";' + 'set "a" "${a}${a}";' * 10 + 'set :length "n" "${a}"; fileinto "${n}";'
    assert actions(ALL + double) == [FileInto("4000")]


def test_work_has_a_limit_and_others_get_their_turn() -> None:
    pauses: list[int] = []
    script = 'if header "subject" "x" { }\n' * 3000
    assert problems(script, limits=Limits(work=5000), pause=lambda: pauses.append(1))[0].endswith(
        "the script does too much: more than 5000 units of work"
    )
    assert len(pauses) >= 4


def test_duplicates_are_remembered_after_success_only() -> None:
    class Tracker:
        def has_seen(self, id: str) -> bool:
            return id == "h\0known"

    script = ALL + 'if duplicate :handle "h" :uniqueid "known" :seconds 60 { redirect :copy "a@b.org"; }'
    result = run(script + "if duplicate { discard; }", message="Message-ID: <x@y>\n\n", tracker=Tracker())
    assert result.actions == [Redirect("a@b.org", is_copy=True)]
    assert result.tracked == [Tracked("\0<x@y>")]
    result = run(script.replace(":seconds 60", ":last"), tracker=Tracker())
    assert result.tracked == [Tracked("h\0known")]
    result = run(script.replace(":seconds 60", ":seconds 0 :last"), tracker=Tracker())
    assert (result.actions, result.tracked) == ([], [])


def test_the_environment_is_what_it_is() -> None:
    more: dict[str, Any] = {
        "items": {"location": "MTA", "remote-ip": "192.0.2.1", "vnd.dovecot.username": "w@x"},
        "variables": {"customer": "acme"},
    }
    assert holds('environment "Location" "mta"', "environment", **more)
    assert holds('environment :contains "location" ""', "environment", **more)
    assert not holds('environment :contains "none" ""', "environment", **more)
    assert not holds('environment "vnd.dovecot.username" "w@x"', "environment", **more)
    vendors = ("environment", "vnd.dovecot.environment", "variables")
    assert holds('environment "vnd.dovecot.config.customer" "acme"', *vendors, **more)
    assert holds('string "${env.vnd.dovecot.username}/${env.vnd.dovecot.config.customer}" "w@x/acme"', *vendors, **more)
    assert holds('string "${env.remote_ip}" "192.0.2.1"', *vendors, **more)


def test_what_an_error_says_is_cut_off() -> None:
    assert problems('require "ihave";\nerror "' + "x" * 1000 + '";') == ["main:2: " + "x" * 400]


def test_many_ids_are_an_error() -> None:
    script = 'require "duplicate"; ' + "".join(f'if duplicate :uniqueid "{at}" {{ }} ' for at in range(33))
    assert problems(script) == ["main:1: more than 32 messages to remember"]


def test_lines_for_the_log_are_bounded() -> None:
    said: list[str] = []
    line = f'debug_log "{"x" * 5000}"; '
    assert problems(f'require "vnd.dovecot.debug"; {line * 3}', say=said.append) == []
    assert [len(text) for text in said] == [1000] * 3
    limits = Limits(work=10_000)
    assert problems(f'require "vnd.dovecot.debug"; {line * 20}', say=said.append, limits=limits) == [
        "main:1: the script does too much: more than 10000 units of work"
    ]
    assert len(said) < 15


def test_very_long_flags_are_none() -> None:
    assert actions(f'require "imap4flags"; addflag ["{"x" * 101}", "{"y" * 100}"]; keep;') == [Keep(("y" * 100,))]


@pytest.mark.parametrize("odd", ["${hex:ff}", "${1}"])
@pytest.mark.parametrize("action", ['fileinto "{}";', 'redirect "{}@b.org";', 'redirect "a@b{}.org";'])
def test_names_are_utf8(action: str, odd: str) -> None:
    required = 'require ["fileinto", "variables", "encoded-character"];'
    script = required + 'if header :matches "Subject" "?*" { }\n' + action.replace("{}", odd)
    (problem,) = problems(script, "Subject: é\n\n")
    assert problem.startswith("main:2: ")


def test_octets_are_a_character_together() -> None:
    required = 'require ["fileinto", "encoded-character"];'
    script = required + 'fileinto "${hex:c3}${hex:a9}"; redirect "${hex:c3}${hex:a9}@b.org";'
    assert actions(script) == [FileInto("é"), Redirect("é@b.org")]


def test_all_strings_of_duplicate_may_have_variables() -> None:
    script = 'require ["duplicate", "variables"]; set "a" "x-two"; if duplicate :handle "${a}" :header "${a}" { }'
    assert run(script).tracked == [Tracked("x-two\0first")]
    assert run(script.replace('"x-two"', '"x:"')).tracked == []  # RFC 7352 3.1: it cannot be a name, and is no error
