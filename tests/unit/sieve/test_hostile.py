"""Scripts that were made to hurt end within their limits, and let others run until then."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from gsubmit.scripts.mail import DraftMail
from gsubmit.sieve import regex
from gsubmit.sieve.errors import SieveError
from gsubmit.sieve.limits import Limits
from gsubmit.sieve.mail import World
from gsubmit.sieve.script import Source, compile_script
from tests.unit.scripts.messages import close_all, draft_of
from tests.unit.sieve.hostile import CASES, WITH_REGEX, WORK, Case
from tests.unit.sieve.runs import MESSAGE


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()


def mail_of(message: str) -> DraftMail:
    return DraftMail(draft_of(message.replace("\n", "\r\n").encode("utf-8", "surrogateescape")))


pytestmark = pytest.mark.slow
ALL = {**CASES, **(WITH_REGEX if regex.IS_THERE else {})}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in ALL.items()])
def test_it_ends_as_it_should(case: Case) -> None:
    turns, longest, began = 0, 0.0, time.process_time()

    def pause() -> None:
        nonlocal turns, longest, began
        turns += 1
        longest = max(longest, time.process_time() - began)
        began = time.process_time()

    def find(name: str, is_global: bool) -> Source | None:
        text = case.scripts.get(name)
        return None if text is None else Source(name, text)

    said = ""
    try:
        script = compile_script(case.script, "main", limits=Limits(work=WORK), find=find, pause=pause)
        script.run(mail_of(case.message), World(pause=pause))
    except SieveError as error:
        said = str(error)
        assert len(error.problems) <= 20
    assert bool(case.ends) == bool(said), said[:200]
    assert case.ends in said
    assert turns >= case.turns
    pause()
    assert longest < 0.5  # of the processor: a hundred times what it should be, and far less than what has no bound


def test_work_is_limited_to_the_unit() -> None:
    script = compile_script("if true { }\n" * 100, "main", limits=Limits(work=100))
    with pytest.raises(SieveError, match="more than 100 units"):
        script.run(mail_of(MESSAGE), World())


def test_what_fails_says_no_more_than_it_must() -> None:
    with pytest.raises(SieveError) as error:
        compile_script('redirect "' + "\x1b\n" * 10_000 + '";', "main")
    assert len(str(error.value)) < 500
    assert "\x1b" not in str(error.value)
