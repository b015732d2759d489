"""How long an address has to wait, by a clock that the test moves (Dovecot's auth penalty, AUT-12)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gsubmit.auth import penalty
from gsubmit.auth.penalty import FORGOTTEN, WAITS, Penalty
from tests.harness.clock import Clock, clock_of

ADDRESS = "192.0.2.10"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return clock_of(monkeypatch, "auth.penalty")


@pytest.fixture
def kept(clock: Clock) -> Penalty:
    return Penalty()


@pytest.fixture
def guesses() -> Iterator[str]:
    """Passwords, each another one."""
    return (f"guess{number}" for number in range(10_000))


def fail(kept: Penalty, guesses: Iterator[str], address: str = ADDRESS, times: int = 1) -> None:
    for _ in range(times):
        kept.failed(address, kept.level(address), "tim", next(guesses))


def test_waits() -> None:
    """The wait is min(2 x 2^level, 15) seconds."""
    assert WAITS == (0, 4, 8, 15, 15)


def test_levels(kept: Penalty, guesses: Iterator[str]) -> None:
    levels = []
    for _ in range(7):
        levels.append(kept.level(ADDRESS))
        fail(kept, guesses)
    assert levels == [0, 1, 2, 3, 4, 4, 4]


def test_a_guesser_that_waits_for_each_answer(kept: Penalty, clock: Clock, guesses: Iterator[str]) -> None:
    """The wait itself must not bring the level down."""
    waited = []
    for _ in range(7):
        level = kept.level(ADDRESS)
        waited.append(WAITS[level])
        clock.now += WAITS[level]
        kept.failed(ADDRESS, level, "tim", next(guesses))
        clock.now += 2.0  # the delay before the answer
    assert waited == [0, 4, 8, 15, 15, 15, 15]


def test_twenty_in_parallel(kept: Penalty, clock: Clock, guesses: Iterator[str]) -> None:
    """All began before the first failed: they raise the level all the same."""
    began = [kept.level(ADDRESS) for _ in range(20)]
    assert began == [0] * 20
    for level in began:
        kept.failed(ADDRESS, level, "tim", next(guesses))
    assert kept.level(ADDRESS) == 4


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
    kept: Penalty, clock: Clock, guesses: Iterator[str], failures: int, steps: list[tuple[float, int]]
) -> None:
    fail(kept, guesses, times=failures)
    began = clock.now
    for seconds, level in steps:
        clock.now = began + seconds
        assert kept.level(ADDRESS) == level, seconds


def test_a_failure_counts_from_the_level_that_is_left(kept: Penalty, clock: Clock, guesses: Iterator[str]) -> None:
    fail(kept, guesses, times=3)
    clock.now += 23  # 15 and 8
    fail(kept, guesses)
    assert kept.level(ADDRESS) == 2
    clock.now += 7.9
    assert kept.level(ADDRESS) == 2, "the time begins anew"


def test_the_right_password_of_who_failed_clears(kept: Penalty, guesses: Iterator[str]) -> None:
    fail(kept, guesses, times=4)
    kept.succeeded(ADDRESS, "tim")
    assert kept.level(ADDRESS) == 0
    kept.succeeded(ADDRESS, "tim")


def test_an_account_of_one_s_own_forgives_no_guesses(kept: Penalty, guesses: Iterator[str]) -> None:
    fail(kept, guesses, times=2)
    kept.succeeded(ADDRESS, "mallory")
    assert kept.level(ADDRESS) == 2
    kept.failed(ADDRESS, 2, "mallory", "x")
    kept.succeeded(ADDRESS, "mallory")
    assert kept.level(ADDRESS) == 3, "nor failures of several"


def test_what_has_faded_is_nobody_s(kept: Penalty, clock: Clock, guesses: Iterator[str]) -> None:
    kept.failed(ADDRESS, 0, "mallory", "x")
    clock.now += 29
    fail(kept, guesses)
    kept.succeeded(ADDRESS, "tim")
    assert kept.level(ADDRESS) == 0


def test_who_logged_in_from_there_does_not_wait(kept: Penalty, guesses: Iterator[str]) -> None:
    """One guesser behind a NAT or a webmail does not keep the others out."""
    kept.succeeded(ADDRESS, "alice")
    fail(kept, guesses, times=4)
    assert kept.level(ADDRESS, "alice") == 0
    assert kept.level(ADDRESS, "bob") == 4
    assert kept.level("192.0.2.11", "alice") == 0
    kept.failed(ADDRESS, 0, "alice", "guess")
    assert kept.level(ADDRESS, "alice") == 4, "one guess, and it counts"


def test_a_stale_password_beside_the_right_one(kept: Penalty, guesses: Iterator[str]) -> None:
    """A telephone with the old password, a computer with the new one, and somebody who guesses."""
    kept.failed(ADDRESS, 0, "alice", "old")
    kept.succeeded(ADDRESS, "alice")
    kept.failed(ADDRESS, 0, "alice", "old")
    fail(kept, guesses, times=2)
    kept.succeeded(ADDRESS, "alice")
    kept.failed(ADDRESS, 0, "alice", "old")
    assert kept.level(ADDRESS, "alice") == 0


def test_no_name_is_not_known(kept: Penalty, guesses: Iterator[str]) -> None:
    """A token may be of anybody."""
    kept.succeeded(ADDRESS, "")
    fail(kept, guesses)
    assert kept.level(ADDRESS, "") == 1


def test_memory_of_the_known_is_bounded(kept: Penalty, guesses: Iterator[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(penalty, "MAX_KNOWN", 2)
    for user in ("a", "b", "a", "c"):
        kept.succeeded(ADDRESS, user)
    fail(kept, guesses)
    assert [kept.level(ADDRESS, user) for user in ("a", "b", "c")] == [0, 1, 0]


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
def test_addresses(kept: Penalty, guesses: Iterator[str], one: str, other: str, same: bool) -> None:
    fail(kept, guesses, one)
    assert kept.level(other) == int(same)
    kept.succeeded(other, "tim")
    assert kept.level(one) == int(not same)


def test_same_wrong_password_again_is_no_guess(kept: Penalty, clock: Clock) -> None:
    """Some client was never told the new one."""
    for _ in range(5):
        kept.failed(ADDRESS, kept.level(ADDRESS), "tim", "old")
    assert kept.level(ADDRESS) == 1
    clock.now += 4
    kept.failed(ADDRESS, kept.level(ADDRESS), "tim", "old")
    assert kept.level(ADDRESS) == 0


@pytest.mark.parametrize(
    ("user", "password"),
    [
        pytest.param("tim", "other", id="another password"),
        pytest.param("tom", "old", id="another user"),
        pytest.param("ti", "mold", id="divided in another place"),
        pytest.param("tim", "", id="no password, as in SCRAM"),
    ],
)
def test_another_one_is(kept: Penalty, user: str, password: str) -> None:
    kept.failed(ADDRESS, 0, "tim", "old")
    kept.failed(ADDRESS, 0, user, password)
    assert kept.level(ADDRESS) == 2


def test_without_passwords_each_failure_counts(kept: Penalty) -> None:
    for _ in range(3):
        kept.failed(ADDRESS, kept.level(ADDRESS), "tim")
    assert kept.level(ADDRESS) == 3


def test_only_the_last_ten_passwords_are_known(kept: Penalty, clock: Clock, guesses: Iterator[str]) -> None:
    kept.failed(ADDRESS, 0, "tim", "old")
    fail(kept, guesses, times=9)
    clock.now += FORGOTTEN
    kept.failed(ADDRESS, 0, "tim", "old")
    assert kept.level(ADDRESS) == 0, "the tenth is known"
    fail(kept, guesses)
    clock.now += FORGOTTEN
    kept.failed(ADDRESS, 0, "tim", "old")
    assert kept.level(ADDRESS) == 1, "the eleventh is not"


def test_passwords_that_are_no_text(kept: Penalty) -> None:
    kept.failed(ADDRESS, 0, "tim", "\udc80")
    assert kept.level(ADDRESS) == 1


def test_memory_is_bounded(
    kept: Penalty, clock: Clock, guesses: Iterator[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(penalty, "MAX_ADDRESSES", 50)
    for number in range(200):
        fail(kept, guesses, f"198.51.100.{number}")
        assert kept.networks <= 50
    assert kept.level("198.51.100.199") == 1
    assert kept.level("198.51.100.0") == 0, "the one that failed longest ago is forgotten"


def test_who_failed_again_is_not_the_oldest(
    kept: Penalty, guesses: Iterator[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(penalty, "MAX_ADDRESSES", 2)
    for last in ("1", "2", "1", "3"):
        fail(kept, guesses, f"198.51.100.{last}")
    assert [kept.level(f"198.51.100.{last}") for last in ("1", "2", "3")] == [2, 0, 1]


def test_what_is_over_is_forgotten(kept: Penalty, clock: Clock, guesses: Iterator[str]) -> None:
    for number in range(10):
        fail(kept, guesses, f"198.51.100.{number}")
    clock.now += 29
    for _ in range(10):
        fail(kept, guesses)
    assert (kept.networks, kept.level(ADDRESS)) == (1, 4)


def test_passwords_cannot_be_read_back(kept: Penalty) -> None:
    kept.failed(ADDRESS, 0, "tim", "hunter2")
    assert "hunter2" not in str(vars(kept))


@pytest.mark.parametrize("times", [1, 2, 3, 4, 9])
def test_penalties_are_listed_until_they_are_over(
    kept: Penalty, clock: Clock, guesses: Iterator[str], times: int
) -> None:
    fail(kept, guesses, times=times)
    clock.now += 1.5
    [one] = kept.penalties()
    assert (one.network, one.level, one.user) == (ADDRESS, kept.level(ADDRESS), "tim")
    clock.now += one.seconds_left - 0.01
    assert [one.level for one in kept.penalties()] == [kept.level(ADDRESS)] != [0]
    clock.now += 0.02
    assert (kept.penalties(), kept.level(ADDRESS)) == ([], 0)


def test_a_penalty_can_be_cleared(kept: Penalty, clock: Clock, guesses: Iterator[str]) -> None:
    for address in (ADDRESS, "2001:db8::1", "192.0.2.11"):
        fail(kept, guesses, address)
    kept.clear_penalty("2001:db8:0:1::5")  # of the same network
    assert [one.network for one in kept.penalties()] == [ADDRESS, "192.0.2.11"]
    kept.clear_penalty("192.0.2.12")
    assert (kept.level(ADDRESS), kept.level("2001:db8::1")) == (1, 0)
    kept.clear_penalty("")
    assert kept.penalties() == []
