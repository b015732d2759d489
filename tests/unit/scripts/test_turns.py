"""Scripts that take long rest, and come one after the other."""

from __future__ import annotations

from pathlib import Path

import gevent
import pytest

from gsubmit.scripts import turns as module
from gsubmit.scripts.cache import Cache
from gsubmit.scripts.turns import KeptWaiting, Turns
from gsubmit.sieve.limits import Limits
from gsubmit.sieve.vocabulary import EXTENSIONS


class Time:
    """Stands for the module `time`; who sleeps is noted."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    found = Time()
    monkeypatch.setattr(module, "time", found)
    monkeypatch.setattr(module, "MAX_WAIT", 0.01)
    return found


def test_a_short_script_never_rests(time: Time) -> None:
    turns = Turns("a")
    for _ in range(9):
        time.now += 0.001
        turns()
    turns.end()
    assert time.slept == []


def test_a_long_one_rests_twice_as_long_as_it_works(time: Time) -> None:
    turns = Turns("a")
    for _ in range(1000):
        time.now += 0.001
        turns()
    turns.end()
    worked = time.now - 100.0 - sum(time.slept)
    assert 1.8 < sum(time.slept) / worked < 2.1


def test_long_ones_come_one_after_the_other(time: Time) -> None:
    first, second, third = Turns("a"), Turns("b"), Turns("c")
    time.now += 1
    first()
    with pytest.raises(KeptWaiting, match="kept this one waiting"):
        second()
    first.end()
    third()
    third.end()
    third.end()


def test_a_script_that_was_kept_waiting_is_no_faulty_one(time: Time, tmp_path: Path) -> None:
    path = tmp_path / "a.sieve"
    path.write_text("keep;")
    scripts, first, second = Cache(Limits(), "", EXTENSIONS), Turns("a"), Turns("b")
    time.now += 1
    first()
    with pytest.raises(KeptWaiting):
        scripts.script(str(path), second)
    first.end()
    assert scripts.script(str(path), second) is not None
    second.end()


def test_what_others_do_is_no_work(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    def others() -> None:
        time.now += 0.05

    monkeypatch.setattr(module, "let_others_run", others)
    turns = Turns("a")
    for _ in range(9):
        time.now += 0.001
        turns()
    with turns.aside():
        time.now += 5
    turns()
    assert time.slept == []


def test_who_waits_for_something_else_is_in_nobodys_way(time: Time) -> None:
    first, second = Turns("a"), Turns("b")
    time.now += 1
    first()
    with first.aside():
        second()
        second.end()
    time.now += 1
    first()
    with pytest.raises(KeptWaiting):
        second()
    first.end()


def test_nobody_is_behind_many_of_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """In real time, with greenlets."""
    monkeypatch.setattr(module, "ALLOWED", 0.0)
    first, ended = Turns("a"), []

    def work(name: str, user: str) -> None:
        turns = Turns(user)
        turns()
        ended.append(name)
        turns.end()

    first()
    waiting = [gevent.spawn(work, *one) for one in [("a2", "a"), ("a3", "a"), ("a4", "a"), ("b", "b")]]
    gevent.sleep(0.01)
    first.end()
    gevent.joinall(waiting, timeout=5)
    assert sorted(ended) == ["a2", "a3", "a4", "b"]
    assert ended[0] == "b"
