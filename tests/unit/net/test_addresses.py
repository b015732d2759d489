"""Which of a name's addresses is tried first, which next, and for how long."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsubmit.net.addresses import FIRST_BACKOFF, LEAST_SHARE, LONGEST_BACKOFF, Addresses
from gsubmit.net.resolve import DOUBT_AFTER, LookupFailed
from tests.harness.clock import Clock
from tests.unit.net.dnsserver import Dns

ONE, TWO, THREE = "192.0.2.1", "192.0.2.2", "192.0.2.3"


@pytest.fixture
def addresses(hosts: Path) -> Addresses:
    hosts.write_text("".join(f"{address} mx.example\n" for address in (ONE, TWO, THREE)))
    return Addresses("mx.example")


def test_order_at_first(addresses: Addresses) -> None:
    assert addresses.in_order() == [ONE, TWO, THREE]


def test_one_that_failed_goes_to_the_end(addresses: Addresses, clock: Clock) -> None:
    addresses.failed(ONE)
    assert addresses.in_order() == [TWO, THREE, ONE]
    clock.now += FIRST_BACKOFF / 2
    addresses.failed(TWO)
    assert addresses.in_order() == [THREE, ONE, TWO]
    clock.now += FIRST_BACKOFF / 2
    assert addresses.in_order() == [ONE, THREE, TWO]


def test_rests_grow(addresses: Addresses, clock: Clock) -> None:
    backoff = FIRST_BACKOFF
    for _ in range(10):
        addresses.failed(ONE)
        clock.now += backoff - 0.01
        assert addresses.in_order()[-1] == ONE
        clock.now += 0.02
        assert addresses.in_order()[0] == ONE
        backoff = min(backoff * 2, LONGEST_BACKOFF)
    assert backoff == LONGEST_BACKOFF


def test_success_ends_the_rest(addresses: Addresses, clock: Clock) -> None:
    for _ in range(5):
        addresses.failed(ONE)
    addresses.worked(ONE)
    assert addresses.in_order()[0] == ONE
    addresses.failed(ONE)
    clock.now += FIRST_BACKOFF + 0.01
    assert addresses.in_order()[0] == ONE


def test_all_that_rest_are_still_tried(addresses: Addresses) -> None:
    for address in (THREE, TWO, ONE):
        addresses.failed(address)
    assert sorted(addresses.in_order()) == [ONE, TWO, THREE]


def test_an_address_that_is_gone(addresses: Addresses, hosts: Path) -> None:
    addresses.failed(ONE)
    hosts.write_text(f"{TWO} mx.example\n")
    assert addresses.in_order() == [TWO]


# One after the other


def test_each_has_its_share_of_the_time(addresses: Addresses, clock: Clock) -> None:
    tried = []
    for address, seconds in addresses.to_try(9.0):
        tried.append((address, round(seconds, 3)))
        clock.now += 1.0
    assert tried == [(ONE, 3.0), (TWO, 4.0), (THREE, 7.0)]


def test_none_is_tried_when_the_time_is_over(addresses: Addresses, clock: Clock) -> None:
    tried = []
    for address, _ in addresses.to_try(1.0):
        tried.append(address)
        clock.now += 1.0
    assert tried == [ONE]


def test_the_first_is_tried_although_the_lookup_took_all_the_time(addresses: Addresses) -> None:
    assert next(addresses.to_try(0.0)) == (ONE, LEAST_SHARE)


def test_no_address_at_all(server: Dns) -> None:
    with pytest.raises(LookupFailed):
        next(Addresses("mx.example").to_try(1.0))


def tried(addresses: Addresses, seconds: float = 9.0) -> list[str]:
    """All of them fail."""
    found = []
    for address, _ in addresses.to_try(seconds):
        found.append(address)
        addresses.failed(address)
    return found


def test_when_all_have_failed_dns_is_asked_past_what_is_kept(server: Dns, clock: Clock) -> None:
    """The relay was made anew at another address, and its name has a TTL of hours."""
    server.records = {("mx.example", "A"): (36000, [ONE])}
    addresses = Addresses("mx.example")
    assert addresses.in_order() == [ONE]
    server.records = {("mx.example", "A"): (36000, [TWO]), ("mx.example", "AAAA"): (36000, ["2001:db8::1"])}
    clock.now += DOUBT_AFTER
    assert tried(addresses) == [ONE, TWO, "2001:db8::1"]


def test_what_dns_has_just_said_is_not_asked_again(server: Dns, clock: Clock) -> None:
    server.records = {("mx.example", "A"): (36000, [ONE])}
    addresses = Addresses("mx.example")
    assert tried(addresses) == [ONE]
    assert tried(addresses) == [ONE]
    assert len(server.asked) == 2
    clock.now += DOUBT_AFTER
    for _ in range(3):
        assert tried(addresses) == [ONE]
    assert len(server.asked) == 4


def test_after_a_timeout_the_next_try_asks(server: Dns, clock: Clock) -> None:
    """An address that swallows everything leaves no time for DNS."""
    server.records = {("mx.example", "A"): (36000, [ONE])}
    addresses = Addresses("mx.example")
    for address, _ in addresses.to_try(9.0):
        addresses.failed(address)
        clock.now += 9.0
    server.records = {("mx.example", "A"): (36000, [TWO])}
    assert tried(addresses) == [TWO]


def test_one_that_works_is_not_doubted(server: Dns, clock: Clock) -> None:
    server.records = {("mx.example", "A"): (36000, [ONE, TWO])}
    addresses = Addresses("mx.example")
    candidates = addresses.to_try(9.0)
    addresses.failed(next(candidates)[0])
    addresses.worked(next(candidates)[0])
    candidates.close()  # type: ignore[attr-defined]
    clock.now += DOUBT_AFTER
    addresses.in_order()
    assert len(server.asked) == 2
