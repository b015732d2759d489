"""How long an address has to wait, wherever failures are kept (Dovecot's auth penalty, AUT-12)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gsubmit.auth import penalty
from gsubmit.auth.loginstate import LoginState
from gsubmit.auth.penalty import FORGOTTEN, WAITS, Penalised
from gsubmit.auth.state.localpenalty import LocalPenalty
from tests.harness.clock import Clock
from tests.unit.auth.state.states import HERE as ADDRESS

IN_MEMORY = pytest.mark.parametrize("kind", ["local"], indirect=True)
BOUNDED = pytest.mark.parametrize("kind", ["local", "shared"], indirect=True)


@pytest.fixture
def guesses() -> Iterator[str]:
    """Passwords, each another one."""
    return (f"guess{number}" for number in range(10_000))


def fail(state: LoginState, guesses: Iterator[str], address: str = ADDRESS, times: int = 1) -> None:
    for _ in range(times):
        state.failed(address, state.level(address), "tim", next(guesses))


def test_waits() -> None:
    """The wait is min(2 x 2^level, 15) seconds."""
    assert WAITS == (0, 4, 8, 15, 15)


def test_levels(state: LoginState, guesses: Iterator[str]) -> None:
    levels = []
    for _ in range(7):
        levels.append(state.level(ADDRESS))
        fail(state, guesses)
    assert levels == [0, 1, 2, 3, 4, 4, 4]


def test_a_guesser_that_waits_for_each_answer(state: LoginState, clock: Clock, guesses: Iterator[str]) -> None:
    """The wait itself must not bring the level down."""
    waited = []
    for _ in range(7):
        level = state.level(ADDRESS)
        waited.append(WAITS[level])
        clock.now += WAITS[level]
        state.failed(ADDRESS, level, "tim", next(guesses))
        clock.now += 2.0  # the delay before the answer
    assert waited == [0, 4, 8, 15, 15, 15, 15]


def test_twenty_in_parallel(state: LoginState, clock: Clock, guesses: Iterator[str]) -> None:
    """All began before the first failed: they raise the level all the same."""
    began = [state.level(ADDRESS) for _ in range(20)]
    assert began == [0] * 20
    for level in began:
        state.failed(ADDRESS, level, "tim", next(guesses))
    assert state.level(ADDRESS) == 4


@pytest.mark.parametrize(
    ("failures", "steps"),
    [
        pytest.param(1, [(3.9, 1), (4, 0)], id="from 1: 4 s"),
        pytest.param(2, [(7.9, 2), (8, 1), (11.9, 1), (12, 0)], id="from 2: 8, 4 s"),
        pytest.param(3, [(14.9, 3), (15, 2), (22.9, 2), (23, 1), (26.9, 1), (27, 0)], id="from 3: 15, 8, 4 s"),
        pytest.param(4, [(14.9, 4), (15, 3), (28.9, 3), (29, 0)], id="from 4: 15 s, gone after 29 s"),
    ],
)
def test_fading(
    state: LoginState, clock: Clock, guesses: Iterator[str], failures: int, steps: list[tuple[float, int]]
) -> None:
    fail(state, guesses, times=failures)
    began = clock.now
    for seconds, level in steps:
        clock.now = began + seconds
        assert state.level(ADDRESS) == level, seconds


def test_a_failure_counts_from_the_level_that_is_left(state: LoginState, clock: Clock, guesses: Iterator[str]) -> None:
    fail(state, guesses, times=3)
    clock.now += 23  # 15 and 8
    fail(state, guesses)
    assert state.level(ADDRESS) == 2
    clock.now += 7.9
    assert state.level(ADDRESS) == 2, "the time begins anew"


def test_the_right_password_of_who_failed_clears(state: LoginState, guesses: Iterator[str]) -> None:
    fail(state, guesses, times=4)
    state.succeeded(ADDRESS, "tim")
    assert state.level(ADDRESS) == 0
    state.succeeded(ADDRESS, "tim")


def test_an_account_of_one_s_own_forgives_no_guesses(state: LoginState, guesses: Iterator[str]) -> None:
    fail(state, guesses, times=2)
    state.succeeded(ADDRESS, "mallory")
    assert state.level(ADDRESS) == 2
    state.failed(ADDRESS, 2, "mallory", "x")
    state.succeeded(ADDRESS, "mallory")
    assert state.level(ADDRESS) == 3, "nor failures of several"


def test_what_has_faded_is_nobody_s(state: LoginState, clock: Clock, guesses: Iterator[str]) -> None:
    state.failed(ADDRESS, 0, "mallory", "x")
    clock.now += 29
    fail(state, guesses)
    state.succeeded(ADDRESS, "tim")
    assert state.level(ADDRESS) == 0


def test_who_logged_in_from_there_does_not_wait(state: LoginState, guesses: Iterator[str]) -> None:
    """One guesser behind a NAT or a webmail does not keep the others out."""
    state.succeeded(ADDRESS, "alice")
    fail(state, guesses, times=4)
    assert state.level(ADDRESS, "alice") == 0
    assert state.level(ADDRESS, "bob") == 4
    assert state.level("192.0.2.11", "alice") == 0
    state.failed(ADDRESS, 0, "alice", "guess")
    assert state.level(ADDRESS, "alice") == 4, "one guess, and it counts"


def test_a_stale_password_beside_the_right_one(state: LoginState, guesses: Iterator[str]) -> None:
    """A telephone with the old password, a computer with the new one, and somebody who guesses."""
    state.failed(ADDRESS, 0, "alice", "old")
    state.succeeded(ADDRESS, "alice")
    state.failed(ADDRESS, 0, "alice", "old")
    fail(state, guesses, times=2)
    state.succeeded(ADDRESS, "alice")
    state.failed(ADDRESS, 0, "alice", "old")
    assert state.level(ADDRESS, "alice") == 0


def test_no_name_is_not_known(state: LoginState, guesses: Iterator[str]) -> None:
    """A token may be of anybody."""
    state.succeeded(ADDRESS, "")
    fail(state, guesses)
    assert state.level(ADDRESS, "") == 1


@IN_MEMORY
def test_memory_of_the_known_is_bounded(
    state: LoginState, guesses: Iterator[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(penalty, "MAX_KNOWN", 2)
    for user in ("a", "b", "a", "c"):
        state.succeeded(ADDRESS, user)
    fail(state, guesses)
    assert [state.level(ADDRESS, user) for user in ("a", "b", "c")] == [0, 1, 0]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("192.0.2.10", "192.0.2.11", False, id="IPv4"),
        pytest.param("2001:db8:1::1", "2001:db8:1:ffff:ffff::2", True, id="IPv6 by /48"),
        pytest.param("2001:db8:1::1", "2001:db8:2::1", False, id="another /48"),
        pytest.param("2001:db8:1::1", "2001:0DB8:0001::0001", True, id="another spelling"),
        pytest.param("192.0.2.10", "::ffff:192.0.2.10", True, id="IPv4-mapped"),
        pytest.param("::ffff:192.0.2.10", "::ffff:c000:020a", True, id="IPv4-mapped, another spelling"),
        pytest.param("::ffff:192.0.2.10", "::ffff:192.0.2.11", False, id="IPv4-mapped is no /48"),
    ],
)
def test_addresses(state: LoginState, guesses: Iterator[str], one: str, other: str, same: bool) -> None:
    fail(state, guesses, one)
    assert state.level(other) == int(same)
    state.succeeded(other, "tim")
    assert state.level(one) == int(not same)


def test_same_wrong_password_again_is_no_guess(state: LoginState, clock: Clock) -> None:
    """Some client was never told the new one."""
    for _ in range(5):
        state.failed(ADDRESS, state.level(ADDRESS), "tim", "old")
    assert state.level(ADDRESS) == 1
    clock.now += 4
    state.failed(ADDRESS, state.level(ADDRESS), "tim", "old")
    assert state.level(ADDRESS) == 0


@pytest.mark.parametrize(
    ("user", "password"),
    [
        pytest.param("tim", "other", id="another password"),
        pytest.param("tom", "old", id="another user"),
        pytest.param("ti", "mold", id="divided in another place"),
        pytest.param("tim", "", id="no password, as in SCRAM"),
    ],
)
def test_another_one_is(state: LoginState, user: str, password: str) -> None:
    state.failed(ADDRESS, 0, "tim", "old")
    state.failed(ADDRESS, 0, user, password)
    assert state.level(ADDRESS) == 2


def test_without_passwords_each_failure_counts(state: LoginState) -> None:
    for _ in range(3):
        state.failed(ADDRESS, state.level(ADDRESS), "tim")
    assert state.level(ADDRESS) == 3


def test_only_the_last_ten_passwords_are_known(state: LoginState, clock: Clock, guesses: Iterator[str]) -> None:
    state.failed(ADDRESS, 0, "tim", "old")
    fail(state, guesses, times=9)
    clock.now += FORGOTTEN
    state.failed(ADDRESS, 0, "tim", "old")
    assert state.level(ADDRESS) == 0, "the tenth is known"
    fail(state, guesses)
    clock.now += FORGOTTEN
    state.failed(ADDRESS, 0, "tim", "old")
    assert state.level(ADDRESS) == 1, "the eleventh is not"


def test_passwords_that_are_no_text(state: LoginState) -> None:
    state.failed(ADDRESS, 0, "tim", "\udc80")
    assert state.level(ADDRESS) == 1


@BOUNDED
def test_memory_is_bounded(
    state: LoginState, clock: Clock, guesses: Iterator[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(penalty, "MAX_ADDRESSES", 50)
    for number in range(200):
        fail(state, guesses, f"198.51.100.{number}")
        assert len(state.penalties()) <= 50
    assert state.level("198.51.100.199") == 1
    assert state.level("198.51.100.0") == 0, "the one that failed longest ago is forgotten"


@BOUNDED
def test_who_failed_again_is_not_the_oldest(
    state: LoginState, guesses: Iterator[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(penalty, "MAX_ADDRESSES", 2)
    for last in ("1", "2", "1", "3"):
        fail(state, guesses, f"198.51.100.{last}")
    assert [state.level(f"198.51.100.{last}") for last in ("1", "2", "3")] == [2, 0, 1]


@IN_MEMORY
def test_what_is_over_is_forgotten(state: LoginState, clock: Clock, guesses: Iterator[str]) -> None:
    for number in range(10):
        fail(state, guesses, f"198.51.100.{number}")
    clock.now += 29
    for _ in range(10):
        fail(state, guesses)
    assert isinstance(state, LocalPenalty)
    assert (state.networks, state.level(ADDRESS)) == (1, 4)


@IN_MEMORY
def test_passwords_cannot_be_read_back(state: LoginState) -> None:
    state.failed(ADDRESS, 0, "tim", "hunter2")
    assert "hunter2" not in str(vars(state))


def test_what_there_is(state: LoginState, clock: Clock, guesses: Iterator[str]) -> None:
    """By network, with the time that is left."""
    assert state.penalties() == []
    fail(state, guesses, "2001:db8:1::1", times=2)
    state.failed(ADDRESS, 0, "tim", "x")
    state.failed(ADDRESS, 0, "tom", "x")
    fail(state, guesses, "192.0.2.11", times=4)
    clock.now += 5
    assert sorted(state.penalties(), key=lambda one: one.network) == [
        Penalised("192.0.2.10", 2, 7.0, ""),
        Penalised("192.0.2.11", 4, 24.0, "tim"),
        Penalised("2001:db8:1::/48", 2, 7.0, "tim"),
    ]
    clock.now += 24
    assert state.penalties() == []


def test_forgiven_by_the_administrator(state: LoginState, guesses: Iterator[str]) -> None:
    for address in ("2001:db8:1::1", "192.0.2.11", ADDRESS):
        fail(state, guesses, address)
    state.clear_penalty("2001:db8:1::2")
    assert {one.network for one in state.penalties()} == {"192.0.2.11", ADDRESS}
    state.clear_penalty("192.0.2.99")
    assert state.level(ADDRESS) == 1
    state.clear_penalty("")
    assert state.penalties() == []
    state.clear_penalty("")


def test_names_that_nobody_has(state: LoginState) -> None:
    """A client may say anything, and it is counted."""
    for user in ("\udc80", "a b", "a:b", "\0", "ü" * 500):
        state.failed(ADDRESS, 0, user, "x")
        state.succeeded("192.0.2.11", user)
        assert state.knows("192.0.2.11", user)
        assert not state.knows(ADDRESS, user)
    assert state.level(ADDRESS) == 4
    assert not state.knows("192.0.2.11", "a")
