"""Connections of users and refusals, wherever they are counted."""

from __future__ import annotations

from gsubmit.auth.loginstate import LoginState
from gsubmit.auth.refusals import FORGOTTEN, MOST_REFUSALS
from tests.harness.clock import Clock
from tests.unit.auth.state.states import ELSEWHERE, HERE


def test_as_many_and_no_more(state: LoginState) -> None:
    assert [state.enter("tim", HERE, 2) for _ in range(3)] == [True, True, False]
    assert state.enter("tom", HERE, 2)
    assert state.enter("tim", ELSEWHERE, 2)
    state.leave("tim", HERE)
    assert [state.enter("tim", HERE, 2) for _ in range(2)] == [True, False]
    for _ in range(2):
        state.leave("tim", HERE)
    assert [state.enter("tim", HERE, 2) for _ in range(3)] == [True, True, False]


def test_unlimited(state: LoginState) -> None:
    assert all(state.enter("tim", HERE, 0) for _ in range(50))
    assert not state.enter("tim", HERE, 50), "they are counted all the same"
    state.leave("tim", HERE)
    assert state.enter("tim", HERE, 50)


def test_an_ipv6_network_is_one_address(state: LoginState) -> None:
    assert state.enter("tim", "2001:db8:1::1", 1)
    assert not state.enter("tim", "2001:db8:1:2::2", 1)
    state.leave("tim", "2001:db8:1:3::3")
    assert state.enter("tim", "2001:db8:1:2::2", 1)


def refuse(state: LoginState, times: int = 1, *, of_others: bool = True) -> None:
    for _ in range(times):
        state.refused("joe", of_others=of_others)


def test_refusals(state: LoginState, clock: Clock) -> None:
    refuse(state, MOST_REFUSALS - 1)
    assert not state.too_many_refusals("joe", of_others=True)
    refuse(state)
    assert state.too_many_refusals("joe", of_others=True)
    assert not state.too_many_refusals("joe", of_others=False)
    assert not state.too_many_refusals("fred", of_others=True)
    state.forget_refusals()
    assert not state.too_many_refusals("joe", of_others=True)
    refuse(state, MOST_REFUSALS, of_others=False)
    assert state.too_many_refusals("joe", of_others=False)


def test_refusals_are_over_some_time_after_the_first(state: LoginState, clock: Clock, kind: str) -> None:
    if kind == "redis":
        return  # they expire, which its own test shows
    refuse(state, MOST_REFUSALS)
    clock.now += FORGOTTEN - 0.1
    assert state.too_many_refusals("joe", of_others=True)
    clock.now += 0.1
    assert not state.too_many_refusals("joe", of_others=True)
    refuse(state)
    assert not state.too_many_refusals("joe", of_others=True)
