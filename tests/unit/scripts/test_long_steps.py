"""However a script is made, and whatever the message: it is never long until others may run."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from gsubmit.scripts.mail import DraftMail
from gsubmit.sieve import regex
from gsubmit.sieve.errors import SieveError
from gsubmit.sieve.mail import World
from gsubmit.sieve.script import compile_script
from tests.unit.scripts.messages import draft_of

MB = 1 << 20
LONGEST = 0.15  # seconds; what this is about took from 0.3 to 60
SMALL = b"Subject: x\r\n\r\nx"
LETTERS = b"Subject: x\r\n\r\n" + b"a" * MB
FIELDS = b"a:\r\n" * 60_000 + b"\r\nx"
HTML = b"Subject: x\r\nContent-Type: text/html\r\n\r\n"
BODY = 'require "body"; if body :contains "no such text" { }'
KEYS = ", ".join(f'"{"a" * 20}b{at}"' for at in range(400))
WIDE = "${a}" * 260


def with_a(piece: str, then: str) -> str:
    """A script with a variable as long as one may be, made of that piece, and a command with a megabyte of it."""
    value = (piece * 4000)[:4000]
    return f'require ["variables", "imap4flags", "copy"]; set "a" "{value}"; {then.replace("WIDE", WIDE)}'


class Pauses:
    """The longest time that the processor worked from one pause to the next."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = time.thread_time()

    def __call__(self) -> None:
        self.longest = max(self.longest, time.thread_time() - self._last)
        self._last = time.thread_time()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("message", "script"),
    [
        pytest.param(LETTERS, f'require "body"; if body :contains [{KEYS}] {{ }}', id="many keys"),
        pytest.param(LETTERS, f'require "body"; if body :matches [{KEYS.replace(" ", "*")}] {{ }}', id="many patterns"),
        pytest.param(LETTERS, f'require "body"; if body :matches "{"*a" * 100_000}b" {{ }}', id="a long pattern"),
        pytest.param(SMALL, with_a("*?", 'if string :matches "x" "WIDE" { }'), id="a pattern of variables"),
        pytest.param(SMALL, f'if header :matches "x" [{", ".join(["0"] * 60_000)}] {{ }}'.replace("0", '"a"'), id="a list"),
        pytest.param(HTML + (b"&" + b"a" * 32) * (MB // 33), BODY, id="references"),
        pytest.param(HTML + b"&#65;" * (MB // 5), BODY, id="numeric references"),
        pytest.param(HTML + b"<a>" * (MB // 3), BODY, id="tags"),
        pytest.param(SMALL, with_a("a,", 'redirect "WIDE";'), id="a long address"),
        pytest.param(SMALL, f'redirect "{"(" * 200_000}";', id="a long address in the script"),
        pytest.param(SMALL, with_a("a b ", 'addflag "WIDE";'), id="flags"),
        pytest.param(SMALL, with_a("*", 'set :quotewildcard "b" "WIDE";'), id="wildcards that are quoted"),
        pytest.param(FIELDS, 'require "mime";' + 'if exists :mime "x" { }\n' * 300, id="many fields"),
        pytest.param(FIELDS, 'if header :contains "a" "b" { }', id="many values"),
        pytest.param(
            b"Content-Type: " + b"(\\" * 8000 + b"\r\n\r\nx",
            'require "mime"; if header :mime :type "content-type" "x" { }',
            id="comments",
        ),
    ],
)  # fmt: skip
def test_no_step_is_long(message: bytes, script: str) -> None:
    mail = DraftMail(draft_of(message))
    pauses = Pauses()
    world = World("a@b", ["c@d"], "a", pause=pauses)
    with suppress(SieveError):
        compiled = compile_script(script, "odd", pause=pauses)
        compiled.run(mail, world)
    pauses()
    assert pauses.longest < LONGEST


@pytest.mark.slow
@pytest.mark.skipif(not regex.IS_THERE, reason="needs google-re2")
@pytest.mark.parametrize("key", ["(a?){999}b", "(a?){200}b", "(a|aa|aaa|.a|a.){300}b", "a[ab]{14}c"])
def test_no_regular_expression_takes_long(key: str) -> None:
    test_no_step_is_long(LETTERS, f'require ["body", "regex"]; if body :regex "{key}" {{ }}')


def test_equal_names_do_not_fill_the_memory() -> None:
    script = compile_script(f'if header [{", ".join(["0"] * 40_000)}] "x" {{ }}'.replace("0", '"a"'), "odd")
    with pytest.raises(SieveError, match="does too much"):
        script.run(DraftMail(draft_of(FIELDS)), World("a@b", ["c@d"], "a"))


@pytest.mark.parametrize("digits", ["1" * 5000, "x" + "f" * 5000, "0" * 5000 + "65"])
def test_long_numbers_in_html_are_no_fault(digits: str) -> None:
    message = HTML + f"a&#{digits};b".encode()
    script = compile_script('require "body"; if body :contains "a\ufffdb" { discard; }', "odd")
    assert script.run(DraftMail(draft_of(message)), World("a@b", ["c@d"], "a")).actions
