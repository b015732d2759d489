"""Which address a user is sent to, and which are left alone."""

from __future__ import annotations

from collections import Counter

import pytest

from gsubmit.net.resolve import LookupFailed
from gsubmit.proxy import backends
from gsubmit.proxy.backends import FIRST_BACKOFF, GIVEN_UP_AFTER, LONGEST_BACKOFF, Backends, Found
from gsubmit.proxy.target import Place
from tests.harness.clock import Clock, clock_of

HERE = Place(("mx",), 587)
THREE = Place(("192.0.2.1", "192.0.2.2", "192.0.2.3"), 587)
USERS = [f"user{number}" for number in range(300)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return clock_of(monkeypatch, "proxy.backends")


def first(place: Place, user: str) -> str:
    return Backends().addresses(place, user, 1.0)[0].address


def test_users_are_spread() -> None:
    shares = Counter(first(THREE, user) for user in USERS)
    assert set(shares) == set(THREE.hosts)
    assert min(shares.values()) > len(USERS) / 6


def test_an_address_less_moves_only_its_own_users() -> None:
    two = Place(THREE.hosts[:2], 587)
    for user in USERS:
        order = [found.address for found in Backends().addresses(THREE, user, 1.0)]
        assert first(two, user) == next(address for address in order if address in two.hosts)


def test_the_order_of_the_addresses_does_not_matter() -> None:
    turned = Place(THREE.hosts[::-1], 587)
    assert [first(THREE, user) for user in USERS] == [first(turned, user) for user in USERS]


def test_hostip_is_not_looked_up() -> None:
    place = Place(("no.such.host.invalid",), 587, hostip="192.0.2.9")
    assert Backends().addresses(place, "ann", 1.0) == [Found("no.such.host.invalid", "192.0.2.9")]


def test_a_name_without_an_address_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def addresses_of(host: str, _: float) -> list[str]:
        if host == "gone":
            raise LookupFailed("gone: there is no such name")
        return ["192.0.2.1"]

    monkeypatch.setattr(backends, "addresses_of", addresses_of)
    assert Backends().addresses(Place(("gone", "here"), 587), "ann", 1.0) == [Found("here", "192.0.2.1")]
    with pytest.raises(LookupFailed, match="no such name"):
        Backends().addresses(Place(("gone",), 587), "ann", 1.0)


def test_who_failed_is_left_alone_longer_each_time(clock: Clock) -> None:
    known = Backends()
    waits = []
    for _ in range(6):
        known.failed(HERE, "192.0.2.1")
        known.failed(HERE, "192.0.2.1")  # others that were under way
        start = clock.now
        while known.left_alone(HERE, "192.0.2.1"):
            clock.now += 0.1
        waits.append(clock.now - start)
    expected = [FIRST_BACKOFF * 2**number for number in range(3)] + [LONGEST_BACKOFF] * 3
    assert waits == pytest.approx(expected, abs=0.11)
    assert not known.left_alone(Place(("mx",), 588), "192.0.2.1")
    assert not known.left_alone(Place(("another.name",), 587), "192.0.2.1")
    known.failed(HERE, "192.0.2.1")
    known.worked(HERE, "192.0.2.1")
    assert not known.left_alone(HERE, "192.0.2.1")


def test_who_fails_for_long_is_given_up(clock: Clock) -> None:
    known = Backends()
    begin = clock.now
    while not known.is_given_up(HERE, "192.0.2.1"):
        known.failed(HERE, "192.0.2.1")
        clock.now += LONGEST_BACKOFF
    assert clock.now - begin == pytest.approx(GIVEN_UP_AFTER, abs=2 * LONGEST_BACKOFF)
    known.worked(HERE, "192.0.2.1")
    assert not known.is_given_up(HERE, "192.0.2.1")


def test_a_failure_of_long_ago_does_not_count(clock: Clock) -> None:
    """Nobody may have tried in between, so that two failures are not hours of them."""
    known = Backends()
    known.failed(HERE, "192.0.2.1")
    clock.now += 3600
    known.failed(HERE, "192.0.2.1")
    assert not known.is_given_up(HERE, "192.0.2.1")
    clock.now += FIRST_BACKOFF
    assert not known.left_alone(HERE, "192.0.2.1")
