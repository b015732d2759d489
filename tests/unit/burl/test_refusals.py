"""A few refusals, and then a time in which nothing is asked."""

from __future__ import annotations

import pytest

from gsubmit.burl import refusals
from gsubmit.burl.refusals import FORGOTTEN, MOST_REFUSALS, Refusals


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_few_and_no_more() -> None:
    clock = Clock()
    there = Refusals(clock)
    for _ in range(MOST_REFUSALS):
        assert not there.are_too_many("joe")
        there.add("joe")
        clock.now += 1
    assert there.are_too_many("joe")
    assert not there.are_too_many("fred")
    clock.now = FORGOTTEN - 0.1
    assert there.are_too_many("joe")
    clock.now = FORGOTTEN
    assert not there.are_too_many("joe")
    there.add("joe")
    assert not there.are_too_many("joe")


def test_nothing_piles_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    there = Refusals(clock)
    for user in range(100):
        there.add(user)
    clock.now = FORGOTTEN
    for user in range(100, 200):
        there.add(user)
    assert len(there._counts) <= 101
    monkeypatch.setattr(refusals, "MAX_USERS", 10)
    for user in range(200, 400):
        there.add(user)
    assert len(there._counts) <= 11
