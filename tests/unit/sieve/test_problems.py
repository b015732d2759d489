"""What is wrong with a script is said with its line (SIV-1), and what makes no sense for outgoing mail is wrong (SIV-17)."""

from __future__ import annotations

import pytest

from gsubmit.sieve.errors import SieveError
from gsubmit.sieve.limits import MAX_PROBLEMS, Limits
from gsubmit.sieve.script import compile_script
from tests.unit.sieve.runs import problems

NEWS = 'require ["fileinto", "copy"];\n'


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(
            "keep", "main:1: expected ';' after command 'keep', found the end of the script", id="no-semicolon"
        ),
        pytest.param('\n\nredirect "a@b', "main:3: a string has no end", id="string"),
        pytest.param("keep;\n/* x", "main:2: a comment has no end", id="comment"),
        pytest.param(
            "redirect text:\nx\n..\n", "main:1: a multi-line text has no end, a line with a dot alone", id="text"
        ),
        pytest.param(
            "if size :over 10X {}", "main:1: a number with letters behind it; the units are K, M and G", id="unit"
        ),
        pytest.param("if size :over 99999999999G {}", "main:1: the number is too large", id="number"),
        pytest.param("if size :over " + "9" * 5000 + " {}", "main:1: the number is too large", id="digits"),
        pytest.param("keep;\n%", "main:2: a stray character '%'", id="character"),
        pytest.param("if true {", "main:1: expected '}' for the block of line 1, found the end", id="block"),
        pytest.param("keep;}", "main:1: expected a command, found '}'", id="brace"),
        pytest.param('redirect ["a@b", ];', "main:1: expected a string, found ']'", id="list"),
        pytest.param("if anyof(true {}", "main:1: expected ')' after the tests, found '{'", id="tests"),
        pytest.param("foo;", "main:1: unknown command 'foo'", id="unknown-command"),
        pytest.param("if foo {}", "main:1: unknown test 'foo'", id="unknown-test"),
        pytest.param("if keep {}", "main:1: unknown test 'keep'", id="command-for-test"),
        pytest.param('require "foo";', "main:1: unknown extension 'foo'", id="unknown-extension"),
        pytest.param(
            'require "vacation";',
            "main:1: extension 'vacation' is not there for outgoing mail: one's own mail is not answered",
            id="unfit-extension",
        ),
        pytest.param('\nfileinto "x";', "main:2: command 'fileinto' needs require \"fileinto\"", id="not-required"),
        pytest.param(
            'keep;\nrequire "copy";', "main:2: require stands at the beginning, before all other commands", id="late"
        ),
        pytest.param("require 3;", "main:1: require takes a list of extensions", id="require-number"),
        pytest.param('keep :flags "x";', "main:1: ':flags' needs require \"imap4flags\"", id="tag-not-required"),
        pytest.param("keep :foo;", "main:1: unknown tag ':foo' for command 'keep'", id="tag"),
        pytest.param('keep "x";', "main:1: command 'keep' takes no argument beside tags, not 1", id="argument"),
        pytest.param("redirect;", "main:1: command 'redirect' takes 1 argument beside tags, not 0", id="no-argument"),
        pytest.param("redirect 3;", "main:1: command 'redirect' takes a string, not a number", id="type"),
        pytest.param(
            'redirect ["a@b"];', "main:1: command 'redirect' takes a string, not a list of strings", id="string-list"
        ),
        pytest.param('redirect "a b";', "main:1: 'a b' is not an address", id="address"),
        pytest.param(
            'if header "a" :is "b" {}', "main:1: the tag ':is' must stand before other arguments", id="tag-late"
        ),
        pytest.param('if header :is :is "a" "b" {}', "main:1: ':is' cannot be there beside ':is'", id="twice"),
        pytest.param('if header :is :matches "a" "b" {}', "main:1: ':matches' cannot be there beside ':is'", id="both"),
        pytest.param("if header :comparator {}", "main:1: ':comparator' needs a string behind it", id="tag-without"),
        pytest.param('if header :comparator "i;foo" "a" "b" {}', "main:1: unknown comparator 'i;foo'", id="comparator"),
        pytest.param(
            'require "editheader";\naddheader "a b" "c";',
            "main:2: 'a b' cannot be the name of a header field",
            id="field-name",
        ),
        pytest.param(
            'if address "subject" "c" {}',
            "main:1: the header field 'subject' has no addresses to test",
            id="no-addresses",
        ),
        pytest.param("if size 3 {}", "main:1: test 'size' takes no argument beside tags, not 1", id="size"),
        pytest.param("if size {}", "main:1: size needs ':over' or ':under'", id="size-without"),
        pytest.param("if not {}", "main:1: test 'not' takes one test", id="not"),
        pytest.param("if allof true {}", "main:1: test 'allof' takes tests in parentheses", id="allof"),
        pytest.param("if true keep;", "main:1: 'if' takes a test and a block", id="if"),
        pytest.param("else {}", "main:1: 'else' without 'if' before it", id="else"),
        pytest.param(
            "if true {} else {} elsif true {}", "main:1: 'elsif' without 'if' before it", id="elsif-after-else"
        ),
        pytest.param("keep {}", "main:1: command 'keep' takes no block", id="no-block"),
        pytest.param("stop true;", "main:1: command 'stop' takes no test", id="no-test"),
        pytest.param(NEWS + 'fileinto "";', "main:2: '' cannot be the name of a mailbox", id="mailbox"),
        pytest.param('require "index";\nif header :last "a" "b" {}', "main:2: ':last' needs ':index'", id="last"),
        pytest.param('require "index";\nif header :index 0 "a" "b" {}', "main:2: ':index' begins at 1", id="index"),
        pytest.param(
            'require "relational";\nif header :value "xx" "a" "b" {}',
            "main:2: ':value' needs one of gt, ge, lt, le, eq, ne",
            id="relation",
        ),
        pytest.param(
            'require "comparator-i;ascii-numeric";\nif header :contains :comparator "i;ascii-numeric" "a" "b" {}',
            "main:2: comparator 'i;ascii-numeric' cannot be used with ':contains'",
            id="substring",
        ),
        pytest.param(
            'require "variables";\nset "1" "x";', "main:2: '1' cannot be the name of a variable", id="set-number"
        ),
        pytest.param(
            'require "variables";\nset "a.b" "x";', "main:2: unknown namespace 'a' of variables", id="namespace"
        ),
        pytest.param(
            'require "variables";\nset "a" "${b.c}";', "main:2: unknown namespace 'b' of variables", id="reference"
        ),
        pytest.param(
            f'require "variables";\nset "a" "${{{"0" * 5000}33}}";',
            "main:2: there is no match value 33: 32 is the last",
            id="match-with-zeros",
        ),
        pytest.param(
            'require "variables";\nset "a" "${33}";', "main:2: there is no match value 33: 32 is the last", id="match"
        ),
        pytest.param(
            'require "variables";\nset "${a}" "x";', "main:2: command 'set' takes no variables here", id="constant"
        ),
        pytest.param(
            'require "variables";\nset :upper :lower "a" "x";',
            "main:2: ':lower' cannot be there beside ':upper'",
            id="modifiers",
        ),
        pytest.param(
            'require "encoded-character";\nredirect "${unicode:d800}";', "main:2: there is no character D800", id="code"
        ),
        pytest.param(
            f'require "encoded-character";\nredirect "${{unicode:00{"f" * 5000}}}";',
            f"main:2: there is no character {'F' * 40}",
            id="a long code",
        ),
        pytest.param(
            'require "imap4flags";\naddflag "v" "x";',
            'main:2: the name of a variable needs require "variables"',
            id="flags",
        ),
        pytest.param(
            'require "date";\nif date :zone "CET" "date" "year" "1" {}',
            "main:2: 'CET' is not a time zone such as +0200",
            id="zone",
        ),
        pytest.param(
            'require "date";\nif currentdate "years" "1" {}', "main:2: 'years' is not a part of a date", id="date-part"
        ),
        pytest.param(
            'require "include";\ninclude "a/b";', "main:2: 'a/b' cannot be the name of a script", id="script-name"
        ),
        pytest.param(
            'require "include";\nglobal "a";', "main:2: command 'global' needs require \"variables\"", id="global"
        ),
        pytest.param('require "foreverypart";\nbreak;', "main:2: 'break' outside of 'foreverypart'", id="break"),
        pytest.param(
            'require "foreverypart";\nforeverypart :name "a" { break :name "b"; }',
            "main:2: there is no loop 'b' around this 'break'",
            id="break-name",
        ),
        pytest.param(
            'require "envelope";\nif envelope "foo" "x" {}', "main:2: unknown part 'foo' of the envelope", id="envelope"
        ),
        pytest.param(
            'require "editheader";\naddheader "a:" "x";',
            "main:2: 'a:' cannot be the name of a header field",
            id="addheader",
        ),
        pytest.param(
            'require "reject";\nreject "x"; keep;',
            "main:2: reject cannot be used together with other actions",
            id="conflict",
        ),
        pytest.param('require "ihave";\nerror "so it is";', "main:2: so it is", id="error"),
    ],
)
def test_it_names_line_and_fault(script: str, expected: str) -> None:
    assert problems(script) == [expected]


def test_all_faults_are_told_up_to_a_number() -> None:
    script = "foo;\n" * 5 + 'if size :over "x" { bar; }\n'
    assert [line.split(":")[1] for line in problems(script)] == ["1", "2", "3", "4", "5", "6"]
    assert len(problems("foo;\n" * 100)) == MAX_PROBLEMS


def test_faults_of_an_included_script_are_its_own() -> None:
    found = problems('require "include";\ninclude "other";', scripts={"other": "keep;\nfoo;"})
    assert found == ["other:2: unknown command 'foo'"]


@pytest.mark.parametrize(("octets", "line"), [(b"keep;\n# \xff\n", 2), (b"keep;\n\n\0", 3)], ids=["utf-8", "nul"])
def test_a_script_is_text(octets: bytes, line: int) -> None:
    with pytest.raises(SieveError) as caught:
        compile_script(octets, "main")
    assert caught.value.problems[0].line == line


def test_deep_nesting_is_an_error() -> None:
    """SIV-2."""
    assert problems("if true {" * 32 + "}" * 32) == []
    assert problems("if true {" * 33 + "}" * 33) == ["main:1: more than 32 blocks within each other"]
    assert problems("if " + "not " * 31 + "true {}") == []
    assert problems("if " + "not " * 5000 + "true {}") == ["main:1: more than 32 tests within each other"]


def test_a_script_has_a_limit_of_size() -> None:
    assert problems("# " + "x" * 100, limits=Limits(script_size=50)) == ["main: the script has more than 50 octets"]
