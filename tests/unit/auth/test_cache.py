"""The cache of verified passwords: what it takes for right or wrong, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gsubmit.auth.cache import ENTRY_OVERHEAD, Finding, VerifiedCache
from tests.harness.clock import Clock, clock_of

TTL, NEGATIVE_TTL = 60.0, 10.0
RIGHT, WRONG = Finding({}), Finding(None)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return clock_of(monkeypatch, "auth.cache")


@pytest.fixture
def cache() -> VerifiedCache:
    return VerifiedCache(10_000, TTL, NEGATIVE_TTL)


@pytest.mark.parametrize("finding", [RIGHT, WRONG, Finding({"allow_nets": "192.0.2.0/24"})])
@pytest.mark.parametrize("basis", ["hash", ""])
def test_recalls_what_was_remembered(cache: VerifiedCache, finding: Finding, basis: str) -> None:
    assert cache.recall("db", "tim", "secret", basis) is None
    cache.remember("db", "tim", "secret", finding, basis)
    assert cache.recall("db", "tim", "secret", basis) == finding


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(("db", "tim", "other", "hash"), id="another password"),
        pytest.param(("db", "tim", "secret", "other"), id="the stored password changed"),
        pytest.param(("db", "tim", "secret", ""), id="no stored password"),
        pytest.param(("db", "tom", "secret", "hash"), id="another user"),
        pytest.param(("other", "tim", "secret", "hash"), id="another passdb"),
        pytest.param(("db", "tim", "ecret", "hashs"), id="divided in another place"),
    ],
)
@pytest.mark.parametrize("finding", [RIGHT, WRONG])
def test_does_not_recall(cache: VerifiedCache, question: tuple[str, str, str, str], finding: Finding) -> None:
    cache.remember("db", "tim", "secret", finding, "hash")
    assert cache.recall(*question) is None


def test_a_wrong_password_does_not_push_out_the_right_one(cache: VerifiedCache) -> None:
    cache.remember("db", "tim", "secret", RIGHT, "hash")
    for guess in ("one", "two"):
        cache.remember("db", "tim", guess, WRONG, "hash")
    assert cache.recall("db", "tim", "secret", "hash") == RIGHT
    assert cache.recall("db", "tim", "two", "hash") == WRONG
    assert cache.recall("db", "tim", "one", "hash") is None, "one wrong password of a user is kept"


def test_wrong_ones_are_looked_up_again_beside_a_right_one(cache: VerifiedCache, clock: Clock) -> None:
    """Without a basis, the password may have been changed since."""
    cache.remember("db", "tim", "new", WRONG)
    assert cache.recall("db", "tim", "new") == WRONG
    cache.remember("db", "tim", "old", RIGHT)
    assert cache.recall("db", "tim", "new") is None
    assert cache.recall("db", "tim", "old") == RIGHT


def test_times_to_live_are_not_extended_by_use(cache: VerifiedCache, clock: Clock) -> None:
    cache.remember("db", "tim", "secret", RIGHT, "hash")
    cache.remember("db", "tim", "wrong", WRONG, "hash")
    clock.now += NEGATIVE_TTL - 1
    assert cache.recall("db", "tim", "wrong", "hash") == WRONG
    clock.now += 1
    assert cache.recall("db", "tim", "wrong", "hash") is None
    assert cache.recall("db", "tim", "secret", "hash") == RIGHT
    clock.now += TTL - NEGATIVE_TTL
    assert cache.recall("db", "tim", "secret", "hash") is None
    assert cache.used == 0


@pytest.mark.parametrize(
    ("make", "finding"),
    [
        pytest.param(lambda: VerifiedCache(0, TTL, NEGATIVE_TTL), RIGHT, id="no size"),
        pytest.param(lambda: VerifiedCache(10_000, 0, NEGATIVE_TTL), RIGHT, id="no ttl"),
        pytest.param(lambda: VerifiedCache(10_000, TTL, 0), WRONG, id="no negative ttl"),
        pytest.param(lambda: VerifiedCache(10_000, TTL), WRONG, id="no negative ttl by default"),
        pytest.param(lambda: VerifiedCache(1_000, TTL), Finding({"x": "y" * 1000}), id="larger than the cache"),
    ],
)
def test_keeps_nothing(make: Callable[[], VerifiedCache], finding: Finding) -> None:
    cache = make()
    cache.remember("db", "tim", "secret", finding, "hash")
    assert cache.recall("db", "tim", "secret", "hash") is None
    assert cache.used == 0


def test_the_oldest_goes() -> None:
    cache = VerifiedCache(3 * (ENTRY_OVERHEAD + 4), TTL)
    for user in ("u1", "u2", "u3"):
        cache.remember("db", user, "secret", RIGHT, "hash")
    cache.remember("db", "u1", "new", RIGHT, "hash")  # now the youngest
    cache.remember("db", "u4", "secret", RIGHT, "hash")
    held = {user for user in ("u2", "u3", "u4") if cache.recall("db", user, "secret", "hash")}
    assert held == {"u3", "u4"}
    assert cache.recall("db", "u1", "new", "hash")
    assert cache.used == cache.size


def test_size_is_a_bound(cache: VerifiedCache) -> None:
    for number in range(1000):
        cache.remember("db", f"user{number}", "secret", RIGHT if number % 2 else WRONG, "hash")
        assert cache.used <= cache.size


def test_passwords_cannot_be_read_back(cache: VerifiedCache) -> None:
    cache.remember("db", "tim", "hunter2", RIGHT, "storedhash")
    cache.remember("db", "tim", "hunter3", WRONG, "storedhash")
    shown = str(vars(cache))
    assert "hunter" not in shown
    assert "storedhash" not in shown
