"""Files of cases, run on our own engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gsubmit.sieve.errors import SieveError
from gsubmit.sieve.limits import Limits
from gsubmit.sieve.script import compile_script
from tests.sieve.suite import Suite
from tests.sieve.words import Case, vocabulary

_LIMITS = Limits(work=100_000_000, actions=1000, redirects=1000)  # of the cases themselves


def run(path: Path, *, counts_errors: bool = True) -> Sequence[Case]:
    """The cases of a file, each with what it ended with. Raises SieveError if the file does not compile."""
    suite = Suite(path.parent)
    cases: list[Case] = []
    words = suite.vocabulary = vocabulary(suite, cases, counts_errors=counts_errors)
    script = compile_script(
        path.read_bytes(),
        path.name,
        limits=_LIMITS,
        offered=words.extensions,
        find=suite.find,
        vocabulary=words,
    )
    try:
        script.run(suite.message.mail, suite.world, suite.result)
    except SieveError as error:
        for case in cases:
            if case.failure is None:
                case.failure = f"not run: {error}"
    for case in cases:
        if case.failure is None:
            case.failure = "not run"
    return cases
