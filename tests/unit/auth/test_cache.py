"""The cache of verified passwords: what it takes for right, and what it keeps."""

from __future__ import annotations

import time

import pytest

from gsubmit.auth.cache import ENTRY_OVERHEAD, VerifiedCache

TTL = 60.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time; a test moves it by setting its only item."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_holds_what_was_added() -> None:
    cache = VerifiedCache(10_000, TTL)
    assert not cache.holds("db", "tim", "hash", "secret")
    cache.add("db", "tim", "hash", "secret")
    assert cache.holds("db", "tim", "hash", "secret")


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(("db", "tim", "hash", "other"), id="another password"),
        pytest.param(("db", "tim", "other", "secret"), id="the stored password changed"),
        pytest.param(("db", "tom", "hash", "secret"), id="another user"),
        pytest.param(("other", "tim", "hash", "secret"), id="another passdb"),
        pytest.param(("db", "tim", "hashs", "ecret"), id="divided in another place"),
    ],
)
def test_does_not_hold(question: tuple[str, str, str, str]) -> None:
    cache = VerifiedCache(10_000, TTL)
    cache.add("db", "tim", "hash", "secret")
    assert not cache.holds(*question)


def test_a_wrong_password_does_not_push_out_the_right_one() -> None:
    cache = VerifiedCache(10_000, TTL)
    cache.add("db", "tim", "hash", "secret")
    cache.holds("db", "tim", "hash", "wrong")
    assert cache.holds("db", "tim", "hash", "secret")


def test_time_to_live_is_not_extended_by_use(clock: list[float]) -> None:
    cache = VerifiedCache(10_000, TTL)
    cache.add("db", "tim", "hash", "secret")
    clock[0] += TTL - 1
    assert cache.holds("db", "tim", "hash", "secret")
    clock[0] += 1
    assert not cache.holds("db", "tim", "hash", "secret")
    assert cache.used == 0


def test_size_zero_keeps_nothing() -> None:
    cache = VerifiedCache(0, TTL)
    cache.add("db", "tim", "hash", "secret")
    assert not cache.holds("db", "tim", "hash", "secret")


def test_the_oldest_goes() -> None:
    cache = VerifiedCache(3 * (ENTRY_OVERHEAD + 4), TTL)
    for user in ("u1", "u2", "u3"):
        cache.add("db", user, "hash", "secret")
    cache.add("db", "u1", "hash", "new")  # now the youngest
    cache.add("db", "u4", "hash", "secret")
    held = {user for user in ("u2", "u3", "u4") if cache.holds("db", user, "hash", "secret")}
    assert held == {"u3", "u4"}
    assert cache.holds("db", "u1", "hash", "new")
    assert cache.used == cache.size


def test_size_is_a_bound() -> None:
    cache = VerifiedCache(10_000, TTL)
    for number in range(1000):
        cache.add("db", f"user{number}", "hash", "secret")
        assert cache.used <= cache.size


def test_passwords_cannot_be_read_back() -> None:
    cache = VerifiedCache(10_000, TTL)
    cache.add("db", "tim", "storedhash", "hunter2")
    assert "hunter2" not in str(vars(cache))
    assert "storedhash" not in str(vars(cache))
