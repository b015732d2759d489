"""What actions mean for mail that goes out."""

from __future__ import annotations

import pytest

from gsubmit.scripts.deeds import Copy, Deeds, deeds_of
from tests.unit.sieve.runs import run

ALL = 'require ["fileinto", "copy", "imap4flags", "reject", "mailbox", "special-use"];\n'
USUAL = (Copy(),)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", Deeds(None, True, (), USUAL)),
        ("keep;", Deeds(None, True, (), USUAL)),
        ('redirect :copy "a@b.org";', Deeds(None, True, ("a@b.org",), USUAL)),
        ('redirect "a@b.org"; keep;', Deeds(None, True, ("a@b.org",), USUAL)),
        ('redirect "a@b.org";', Deeds(None, False, ("a@b.org",), ())),
        ('fileinto "x";', Deeds(None, True, (), (Copy("x"),))),
        ('fileinto :copy "x";', Deeds(None, True, (), (Copy("x"), Copy()))),
        ('fileinto "x"; fileinto "y";', Deeds(None, True, (), (Copy("x"), Copy("y")))),
        ('fileinto "x"; redirect :copy "a@b.org";', Deeds(None, True, ("a@b.org",), (Copy("x"),))),
        ('fileinto "x"; redirect "a@b.org";', Deeds(None, False, ("a@b.org",), (Copy("x"),))),
        ('fileinto "x"; discard;', Deeds(None, True, (), (Copy("x"),))),
        ("discard;", Deeds(None, False, (), ())),
        ('discard; redirect :copy "a@b.org";', Deeds(None, False, ("a@b.org",), ())),
        (
            'addflag "a"; fileinto :copy :create "x";',
            Deeds(None, True, (), (Copy("x", ("a",), True), Copy(flags=("a",)))),
        ),
        ('keep :flags "b";', Deeds(None, True, (), (Copy(flags=("b",)),))),
        ('fileinto :specialuse "\\\\Archive" "x";', Deeds(None, True, (), (Copy("x", use="\\Archive"),))),
    ],
)
def test_deeds(script: str, expected: Deeds) -> None:
    deeds = deeds_of(run(ALL + script))
    assert deeds == expected
    assert deeds.discards is (script == "discard;")


def test_a_refusal() -> None:
    assert deeds_of(run(ALL + 'reject "no";')).refusal == "no"
