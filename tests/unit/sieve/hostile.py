"""Scripts that were made to hurt, each with a message that helps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tests.unit.sieve.runs import MESSAGE

_LINES = "text " * 15 + "\n"
_LONG = "X-Long: " + "\n ".join(["a" * 900] * 50) + "\n"
PARTS = (
    "Subject: parts\nContent-Type: multipart/mixed; boundary=b\n\n"
    + "".join(f"--b\nContent-Type: text/plain; name=p{at}\n\n{_LINES}\n" for at in range(900))
    + "--b--\n"
)
NESTED = (
    "Subject: nested\n"
    + "".join(f"Content-Type: multipart/mixed; boundary=b{at}\n\n--b{at}\n" for at in range(30))
    + "Content-Type: text/plain\n\ntext\n"
    + "".join(f"--b{at}--\n" for at in reversed(range(30)))
)
BIG = "Subject: big\nContent-Type: text/plain\n\n" + _LINES * 20_000
HTML = "Subject: HTML\nContent-Type: text/html\n\n" + "<!-- <a href='<p>" * 60_000
HEADERS = "Subject: headers\n" + _LONG + "X-A: b\n" * 2000 + "To: " + "a@b.example, (((" * 5000 + "\n\ntext\n"

WORK = 100_000  # units that each may use up


class Case(NamedTuple):
    """`ends` is what the error says, or empty where the script comes to its end.

    `turns` is how often it must pause at least, with WORK units and a turn of 100.
    """

    script: str
    ends: str
    turns: int = 0
    message: str = MESSAGE
    scripts: Mapping[str, str] = {}


def _of(*extensions: str) -> str:
    return f"require [{', '.join(f'{chr(34)}{one}{chr(34)}' for one in extensions)}];\n"


def _loops(inner: str, depth: int = 4) -> str:
    return "foreverypart { " * depth + inner + " }" * depth


_TOO_MUCH = "the script does too much"
_UNICODE = _of("body", "comparator-i;unicode-casemap")
_BODY = 'if body :comparator "i;unicode-casemap" :contains "{}" {{ }}'
_PLAIN = "Content-Type: text/plain; charset=utf-8\n\n"
_HTML = "Content-Type: text/html; charset=utf-8\n\n"
_VARIABLES = "".join(f'set "v{at}" "${{a}}";\n' for at in range(254))
_ALL = "".join(f"${{v{at}}}" for at in range(254))
CASES = {
    "loops over parts": Case(_of("foreverypart", "mime") + _loops('if header :mime "x" "y" { }'), "", 5, PARTS),
    "loops over parts within each other": Case(
        _of("foreverypart", "mime") + _loops('if header :mime :anychild "x" "y" { }'), _TOO_MUCH, 900, NESTED
    ),
    "all parts for each part": Case(
        _of("foreverypart", "mime")
        + _loops("if anyof (" + ", ".join(['header :mime :anychild :matches "content-type" "*x*"'] * 500) + ") { }", 1),
        "",
        500,
        PARTS,
    ),
    "bodies for each part": Case(
        _of("foreverypart", "body") + _loops("if body :matches [" + '"*x?y*", ' * 99 + '"z"] { }', 1),
        _TOO_MUCH,
        900,
        PARTS,
    ),
    "big bodies": Case(_of("body") + 'if body :matches "*a?b*c?d*" { }\n' * 500, _TOO_MUCH, 100, BIG),
    "HTML that never ends": Case(_of("body") + 'if body :text :contains "x" { }\n' * 50, "", 10, HTML),
    "10,000 tests": Case("if anyof (" + 'header "x" "y", ' * 9_999 + "false) { discard; }", "", 100),
    "10,000 blocks": Case("if false { } " + 'elsif header "x" "y" { }\n' * 9_999, "", 100),
    "many keys in a big body": Case(
        _of("body") + "if body :contains [" + ", ".join(f'"{"text " * 12}{at}"' for at in range(2000)) + "] { }",
        _TOO_MUCH,
        20,
        BIG,
    ),
    "many wildcards in a big body": Case(
        _of("body") + "if body :matches [" + ", ".join(f'"*x?{at}*"' for at in range(2000)) + "] { }",
        _TOO_MUCH,
        20,
        BIG,
    ),
    "keys with many wildcards": Case(
        "if header [" + '"subject", ' * 9 + '"x"] [' + ", ".join(['"' + "*i" * 2500 + '"'] * 45) + "] { }", "", 1
    ),
    "keys as short as can be": Case('if header "subject" [' + '"",' * 80_000 + '"x"] { }', "", 100),
    "tests as short as can be": Case("if anyof(" + "true," * 50_000 + "true) { }", "", 100),
    "blocks as short as can be": Case("if true{}" * 28_000, "", 100),
    "10,000 keys": Case(
        "if header [" + '"subject", ' * 999 + '"x"] [' + '"key", ' * 9_999 + '"x"] { }', _TOO_MUCH, 300
    ),
    "a star for each character": Case(
        'if header :matches "x-long" "' + "*a" * 40_000 + '*b" { }\n', "a pattern of more than"
    ),
    "stars with any character between": Case(
        ('if header :matches "x-long" "' + "*a?" * 300 + '*b" { }\n') * 200, _TOO_MUCH, 900, HEADERS
    ),
    "many fields and keys": Case(
        'if header :matches "x-a" [' + '"*a*c", ' * 999 + '"x"] { }\n', _TOO_MUCH, 100, HEADERS
    ),
    "addresses without end": Case('if address :contains "to" "x" { }\n' * 300, _TOO_MUCH, 900, HEADERS),
    "1 MB of variables": Case(
        _of("variables")
        + f'set "a" "{"x" * 4000}";\n'
        + _VARIABLES
        + f'if string :contains "{_ALL}" "y" {{ }}\n' * 100,
        _TOO_MUCH,
        500,
    ),
    "more than 1 MB in a string": Case(
        _of("variables") + f'set "a" "{"x" * 4000}";\n' + f'if string "{"${a}" * 300}" "y" {{ }}',
        "a string of more than",
    ),
    "values that double": Case(_of("variables") + 'set "a" "x";\n' + 'set "a" "${a}${a}";\n' * 5_000, "", 100),
    "quoted wildcards of quoted wildcards": Case(
        _of("variables") + 'set "a" "***";\n' + 'set :quotewildcard "a" "${a}${a}";\n' * 5_000, _TOO_MUCH, 100
    ),
    "300 variables": Case(
        _of("variables") + "".join(f'set "v{at}" "x";\n' for at in range(300)), "more than 255 variables"
    ),
    "a script that includes itself": Case(
        _of("include") + 'include "a";',
        "includes itself",
        0,
        MESSAGE,
        {
            "a": _of("include") + 'include "b";',
            "b": _of("include") + 'include "a";',
        },
    ),
    "a chain of scripts": Case(
        _of("include") + 'include "s0";',
        "more than 10 scripts within each other",
        0,
        MESSAGE,
        {f"s{at}": _of("include") + f'include "s{at + 1}";' for at in range(100)},
    ),
    "scripts that include twenty each": Case(
        _of("include") + 'include "s0";',
        _TOO_MUCH,
        900,
        MESSAGE,
        {f"s{at}": _of("include") + f'include "s{at + 1}";\n' * 20 for at in range(8)} | {"s8": "keep;"},
    ),
    "300 scripts": Case(
        _of("include") + "".join(f'include "s{at}";\n' for at in range(300)),
        "more than 255 scripts are included",
        0,
        MESSAGE,
        {f"s{at}": "keep;" for at in range(300)},
    ),
    "100 redirects": Case(
        "".join(f'redirect :copy "a{at}@b.example";\n' for at in range(100)).replace(" :copy", ""),
        "more than 4 redirects",
    ),
    "100 mailboxes": Case(
        _of("fileinto") + "".join(f'fileinto "f{at}";\n' for at in range(100)), "more than 32 actions"
    ),
    "10,000 times the same": Case(_of("fileinto") + 'fileinto "f";\n' * 10_000, "", 100),
    "10,000 edits": Case(_of("editheader") + 'addheader "X-A" "b"; deleteheader "X-A";\n' * 5_000, "", 100),
    "more and more fields": Case(_of("editheader") + 'addheader "X-A" "b";\n' * 9_000, "too many changes"),
    "fields of a long header": Case(
        _of("editheader") + 'addheader "X-A" "b";\n' * 9_000, "too many changes", 0, HEADERS
    ),
    "10,000 flags": Case(
        _of("imap4flags") + "addflag [" + ", ".join(f'"f{at}"' for at in range(10_000)) + "];", "flags"
    ),
    "10,000 times a flag": Case(_of("imap4flags") + 'addflag ["a b c d e f", "g"];\n' * 5_000, "", 300),
    "dates without end": Case(_of("date") + 'if date "x-long" "year" "2026" { }\n' * 5_000, "", 100, HEADERS),
    "1,000 blocks within each other": Case("if true { " * 1000 + "keep;" + " }" * 1000, "within each other"),
    "1,000 tests within each other": Case("if " + "not " * 1000 + "true { keep; }", "within each other"),
    "100,000 opening brackets": Case("if anyof " + "(" * 100_000, "expected"),
    "100,000 closing brackets": Case("}" * 100_000, "expected"),
    "1 MB": Case('if header "subject" "x" { keep; }\n' * 30_000, "the script has more than"),
    "1 MB that includes bring": Case(
        _of("include") + "".join(f'include "s{at}";\n' for at in range(10)),
        "more than",
        0,
        MESSAGE,
        {f"s{at}": "keep;\n" * 17_000 for at in range(10)},
    ),
    "a comment without end": Case("/*" + "*" * 200_000, "comment"),
    "a string without end": Case('keep; redirect "' + "\\\\" * 100_000, "string"),
    "a text without end": Case("redirect text:\n" + "..\n" * 60_000, "text"),
    "a number without end": Case("if size :over " + "9" * 200_000 + " { }", "number"),
    "encoded characters without end": Case(
        _of("encoded-character") + 'keep; redirect "' + "${hex:" * 30_000 + '";', "address"
    ),
    "variables without end": Case(_of("variables") + 'keep; redirect "' + "${a." * 50_000 + '";', "address"),
    "20 errors and no more": Case("nonsense;\n" * 20_000, "unknown command"),
    "a list of 1 MB": Case(
        _of("variables") + f'set "a" "{"x" * 4000}"; if string "x" [' + f'"{"${a}" * 250}", ' * 200 + '"x"] { }',
        "a list of strings of more than",
    ),
    "a string of variables": Case(
        _of("variables") + f'if string "{"${a}" * 60_000}" "y" {{ }} if string "{"${0}" * 1000}" "y" {{ }}', "", 600
    ),
    "a string of octets": Case(
        _of("encoded-character") + f'if header "subject" "{"${hex:ff}" * 25_000}" {{ }}', "", 200
    ),
    "a value of spaces": Case(
        _of("editheader", "variables") + f'set "a" "{" " * 4000}"; addheader "X" "a{"${a}" * 250}b";', "2048 octets"
    ),
    "a constant of spaces": Case(_of("editheader") + f'addheader "X" "a{" " * 200_000}b";', "2048 octets"),
    "a value of lines": Case(_of("editheader") + 'addheader "X" "' + "a\n" * 100_000 + '";', "2048 octets"),
    "a body of marks": Case(_UNICODE + _BODY.format("zz"), "", 200, _PLAIN + "\u0315\u0300" * 250_000),
    "a key of marks": Case(_UNICODE + _BODY.format("\u0315\u0300" * 60_000), "", 100),
    "a body of letters of two": Case(_UNICODE + _BODY.format("zz"), "", 200, _PLAIN + "\u01c4\ufb03\u00df" * 150_000),
    "a body of letters of eighteen": Case(_UNICODE + _BODY.format("zz"), "", 200, _PLAIN + "\ufdfa" * 340_000),
    "a body of octets": Case(_of("body") + 'if body :raw "zz" { }', "", 100, _PLAIN + "\udce9" * 1_000_000),
    "HTML of text": Case(_of("body") + 'if body "zz" { }', "", 1, _HTML + "\u2039" * 340_000),
    "HTML of what is no tag": Case(_of("body") + 'if body "zz" { }', "", 1, _HTML + "</1&#" * 200_000),
    "octets in upper case": Case(
        _of("variables", "encoded-character")
        + f'set "a" "${{hex:{" ff" * 4000}}}"; set :upper "b" "{"${a}" * 250}"; set :lower "b" "{"${a}" * 250}";',
        "",
        100,
    ),
    "keys of stars": Case('if header :matches "a" [' + ('"' + "*" * 8190 + '", ') * 31 + '"x"] { }', "", 1000),
    "keys of stars made at run time": Case(
        _of("variables")
        + f'set "a" "{"*" * 4000}"; if header :matches "subject" ['
        + '"${a}${a}q", ' * 120
        + '"x"] { }',
        _TOO_MUCH,
        100,
    ),
    "a string of escapes": Case('keep; redirect "' + "\\a" * 100_000 + '";', "address", 20),
    "a string of lines": Case('keep; redirect "' + "\n" * 200_000 + '";', "address"),
    "a character of many zeros": Case(
        _of("encoded-character") + 'if header "a" "${unicode:' + " 41" * 60_000 + '}" { }', "", 200
    ),
    "quoted signs": Case(
        _of("variables") + f'set "a" "{".*?" * 1300}\U0001f600"; set :quotewildcard "b" "{"${a}" * 250}";', "", 50
    ),
    "wildcards in what grows": Case(
        _of("variables", "comparator-i;unicode-casemap")
        + ('if string :matches :comparator "i;unicode-casemap" "' + "\ufb03" * 40_000 + 'z" "*z" { }\n') * 2,
        "",
        100,
    ),
    "wildcards in marks": Case(
        _of("comparator-i;unicode-casemap", "variables")
        + 'if header :matches :comparator "i;unicode-casemap" "subject" "*z*" { }',
        "",
        100,
        "Subject: " + "\u0315\u0300z" * 40_000 + "\n\ntext\n",
    ),
}
WITH_REGEX = {
    "expressions that backtrack elsewhere": Case(
        _of("regex") + 'if header :regex "x-long" "(a*)*b" { }\n' * 500, _TOO_MUCH, 10, HEADERS
    ),
    "many expressions": Case(
        _of("regex") + 'if header :regex "subject" [' + ", ".join(f'"a{at}[a-z]+"' for at in range(900)) + "] { }",
        "",
        100,
    ),
    "many expressions in a big body": Case(
        _of("regex", "body") + "if body :regex [" + ", ".join(f'"(x|y)*z{at}$"' for at in range(900)) + "] { }",
        _TOO_MUCH,
        20,
        BIG,
    ),
    "expressions of variables": Case(
        _of("regex", "variables")
        + f'set "a" "{"(x|y?)*z" * 400}"; if header :regex "subject" ['
        + '"${a}", ' * 300
        + '"x"] { }',
        "the regular expression is too large",
    ),
    "expressions that repeat": Case(
        _of("regex", "variables") + f'set "p" "{"a{1,1000}" * 20}"; if header :regex "subject" ["${{p}}x"] {{ }}',
        "the regular expression is too large",
    ),
    "an expression that is long": Case(
        _of("regex") + 'if header :regex "subject" "' + "(x|y)" * 3000 + '" { }', "the regular expression is too large"
    ),
    "expressions that take much memory": Case(
        _of("regex") + 'if header :regex "x-long" "((a{1,100}){1,100}){1,100}" { }', "regular expression"
    ),
    "100 groups": Case(
        _of("regex", "variables") + f'if header :regex "x-long" "{"(a?)" * 100}" {{ }}\n' * 50, _TOO_MUCH, 100, HEADERS
    ),
}
