"""A few refusals, and then a time in which nothing is asked."""

from __future__ import annotations

import pytest

from gsubmit.auth import refusals
from gsubmit.auth.refusals import FORGOTTEN, MOST_REFUSALS, LocalRefusals
from tests.harness.clock import Clock, clock_of


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return clock_of(monkeypatch, "auth.refusals")


def are_too_many(there: LocalRefusals, user: str = "joe", *, of_others: bool = True) -> bool:
    return there.too_many_refusals(user, of_others=of_others)


def test_a_few_and_no_more(clock: Clock) -> None:
    there = LocalRefusals()
    for _ in range(MOST_REFUSALS):
        assert not are_too_many(there)
        there.refused("joe", of_others=True)
        clock.now += 1
    clock.now -= MOST_REFUSALS
    assert are_too_many(there)
    assert not are_too_many(there, of_others=False)
    assert not are_too_many(there, "fred")
    clock.now += FORGOTTEN - 0.1
    assert are_too_many(there)
    clock.now += 0.1
    assert not are_too_many(there)
    there.refused("joe", of_others=True)
    assert not are_too_many(there)


def test_other_servers_have_refused_nobody(clock: Clock) -> None:
    there = LocalRefusals()
    for _ in range(MOST_REFUSALS):
        there.refused("joe", of_others=True)
    there.forget_refusals()
    assert not are_too_many(there)


def test_nothing_piles_up(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    there = LocalRefusals()
    for user in range(100):
        there.refused(f"u{user}", of_others=False)
    clock.now += FORGOTTEN
    for user in range(100, 200):
        there.refused(f"u{user}", of_others=False)
    assert there.refused_users <= 101
    monkeypatch.setattr(refusals, "MAX_USERS", 10)
    for user in range(200, 400):
        there.refused(f"u{user}", of_others=False)
    assert there.refused_users <= 11
