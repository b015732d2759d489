"""include (RFC 6609) and ihave (RFC 5463)."""

from __future__ import annotations

import pytest

from gsubmit.sieve.limits import Limits
from gsubmit.sieve.mail import World
from gsubmit.sieve.result import FileInto, Redirect
from gsubmit.sieve.script import Source, compile_script
from tests.unit.sieve.runs import actions, holds, mail, mailboxes, problems, run

MAIN = 'require ["include", "variables", "fileinto", "copy"];\n'


def test_personal_and_global_scripts_are_different() -> None:
    scripts = {
        "a": 'require ["fileinto", "copy"]; fileinto :copy "own";',
        "/a": 'require ["fileinto", "copy"]; fileinto :copy "all";',
    }
    assert mailboxes(MAIN + 'include "a"; include :global "a"; include :personal "a";', scripts=scripts) == [
        "own",
        "all",
    ]


def test_variables_are_of_one_script_unless_they_are_global() -> None:
    script = MAIN + 'global "shared"; set "shared" "1"; set "own" "2"; include "a"; fileinto "${shared}${own}";'
    scripts = {"a": 'require ["include", "variables"]; set "own" "3"; set "global.shared" "${global.shared}4";'}
    assert mailboxes(script, scripts=scripts) == ["142"]


def test_return_ends_the_included_script_and_stop_all() -> None:
    scripts = {"a": 'require "include"; return; redirect "a@b.org";', "b": "stop;"}
    script = MAIN + 'include "a"; fileinto :copy "1"; include "b"; fileinto "2";'
    assert actions(script, scripts=scripts) == [FileInto("1", is_copy=True)]
    assert actions('require "include"; return; keep;') == []


def test_once_is_once() -> None:
    scripts = {"a": 'require ["fileinto", "copy", "variables", "include"]; set "global.n" "${global.n}x";'}
    script = MAIN + 'include :once "a"; include :once "a"; include "a"; fileinto "${global.n}";'
    assert mailboxes(script, scripts=scripts) == ["xx"]


def test_a_script_cannot_include_itself() -> None:
    assert problems(
        MAIN + 'include "a";', scripts={"a": 'require "include"; include "b";', "b": 'require "include"; include "a";'}
    ) == ["b:1: script 'a' includes itself"]
    scripts = {"a": 'require "include"; include :once "a"; keep;'}
    assert problems(MAIN + 'include "a";', scripts=scripts) == []


def test_the_script_itself_is_included_already() -> None:
    """RFC 6609 3.1, 3.2."""
    main = 'require ["include", "fileinto", "copy"];\nfileinto :copy "x"; '
    back = {"b": 'require "include"; include :once "main"; include "main";'}
    assert mailboxes(main + 'include :once "main";') == ["x"]
    assert run(main + 'include :once "main"; return; keep;').actions == [FileInto("x", is_copy=True)]
    assert problems(main + 'include "main";') == ["main:2: script 'main' includes itself"]
    assert problems(main + 'include "b";', scripts=back) == ["b:1: script 'main' includes itself"]


def test_a_script_is_one_by_whatever_name() -> None:
    both = Source("both", 'require ["fileinto", "copy", "variables", "include"]; set "global.n" "${global.n}x";')
    script = compile_script(
        MAIN + 'include :once "a"; include :once :global "b"; fileinto "${global.n}";',
        "main",
        find=lambda name, is_global: both,
    )
    assert script.run(mail(), World()).actions == [FileInto("x")]


def test_a_missing_script_is_an_error_when_its_turn_comes() -> None:
    assert problems(MAIN + 'if false { include "none"; }') == []
    assert problems(MAIN + 'include :optional "none";') == []
    assert problems(MAIN + '\ninclude "none";') == ["main:3: there is no script 'none'"]


def test_there_are_so_many_scripts_and_no_more() -> None:
    scripts = {str(at): f'require "include"; include "{at + 1}";' for at in range(20)}
    assert problems(MAIN + 'include "0";', scripts=scripts) == ["9:1: more than 10 scripts within each other"]
    many = MAIN + "".join(f'include "s{at}";' for at in range(4))
    found = problems(many, scripts={f"s{at}": "keep;" for at in range(4)}, limits=Limits(includes=3))
    assert found == ["main:2: more than 3 scripts are included"]


def test_each_script_requires_for_itself() -> None:
    assert problems(MAIN + 'include "a";', scripts={"a": 'fileinto "x";'}) == [
        "a:1: command 'fileinto' needs require \"fileinto\""
    ]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('if ihave "copy" { redirect :copy "a@b.org"; }', [Redirect("a@b.org", is_copy=True)]),
        ('if ihave "x-none" { foo; bar "x" { } }', []),
        ('if not ihave "x-none" { redirect "a@b.org"; } else { foo; }', [Redirect("a@b.org")]),
        ('if allof(ihave "x-none", foo "bar") { foo; } else { redirect "a@b.org"; }', [Redirect("a@b.org")]),
        ('if anyof(ihave "copy", foo) { redirect :copy "a@b.org"; }', [Redirect("a@b.org", is_copy=True)]),
        ('if ihave ["copy", "x-none"] { foo; } elsif true { redirect "a@b.org"; }', [Redirect("a@b.org")]),
        ('if ihave "variables" { foo; }', []),  # it changes how a script is read
    ],
)
def test_ihave_decides_what_must_make_sense(script: str, expected: list[object]) -> None:
    assert actions('require "ihave"; ' + script) == expected


def test_what_ihave_finds_may_be_used_to_the_end() -> None:
    assert holds('header :value "gt" "x-two" "a"', "ihave", before='if ihave "relational" { }')
    assert problems('require "ihave";\nif ihave "x-none" { }\nredirect :copy "a@b.org";') == [
        "main:3: ':copy' needs require \"copy\""
    ]
