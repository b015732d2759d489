"""Few passwords at a time for one address, waits after failures, and connections of one user."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from pathlib import Path

import gevent
import gevent.event
import pytest

from gsubmit.auth.chain import build_chain
from gsubmit.server.logins import AT_A_TIME, AT_A_TIME_ELSEWHERE, MAX_WAITING, Logins, TooManyAtATime
from gsubmit.settings.load import load_text
from tests.harness.guessing import CLOCKED, SteppedClock
from tests.unit.server.logins import connections


def test_one_address_waits_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.server.logins.SLOT_TIMEOUT", 0.05)
    logins = Logins()
    leave = gevent.event.Event()

    def check() -> None:
        with logins.slot("192.0.2.1"):
            leave.wait()

    guessing = [gevent.spawn(check) for _ in range(AT_A_TIME)]
    gevent.sleep(0)
    with pytest.raises(TooManyAtATime), logins.slot("192.0.2.1"):
        pass
    with logins.slot("192.0.2.2"):
        pass
    leave.set()
    gevent.joinall(guessing, raise_error=True)
    with logins.slot("192.0.2.1"):
        pass
    assert not logins.slots


def test_a_customer_with_many_addresses_has_no_more_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each slot may hold a connection to a passdb for seconds, and of those there are few for all."""
    monkeypatch.setattr("gsubmit.server.logins.SLOT_TIMEOUT", 0.0)
    logins = Logins()
    with logins.slot("2001:db8:1::1"), logins.slot("2001:db8:1:ffff::2"):
        with pytest.raises(TooManyAtATime), logins.slot("2001:db8:1:2::3"):
            pass
        with logins.slot("2001:db8:2::1"):
            pass
    assert not logins.slots


def test_a_slot_is_given_back_after_a_failure() -> None:
    logins = Logins()
    for _ in range(AT_A_TIME + 1):
        with pytest.raises(ZeroDivisionError), logins.slot("192.0.2.1"):
            raise ZeroDivisionError
    assert not logins.slots


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SteppedClock:
    clock = SteppedClock()
    clock.rule(monkeypatch, *CLOCKED)
    return clock


@pytest.fixture
def logins(clock: SteppedClock) -> Logins:
    return Logins()


def guess(logins: Logins, number: int, address: str = "192.0.2.1", user: str = "tim", at_a_time: int = 2) -> None:
    with logins.slot(address, at_a_time, user, is_watched=True) as level:
        gevent.sleep(0)  # the password is checked
        logins.state.failed(address, level, user, f"guess{number}")


def advance_until(clock: SteppedClock, greenlets: list[gevent.Greenlet[..., None]]) -> None:
    """Let time go on until all of them are done."""
    while not all(greenlet.ready() for greenlet in greenlets):
        gevent.sleep(0)
        if clock.sleepers:
            clock.advance()


def test_waits_by_level(logins: Logins, clock: SteppedClock) -> None:
    def six() -> None:
        for number in range(6):
            guess(logins, number)

    advance_until(clock, [gevent.spawn(six)])
    assert clock.waits == [4, 8, 15, 15, 15]
    guess(logins, 0, "192.0.2.2")
    assert len(clock.waits) == 5


@pytest.mark.parametrize("at_a_time", [AT_A_TIME, AT_A_TIME_ELSEWHERE])
@pytest.mark.parametrize("connections", [20, 400])
def test_more_connections_guess_no_faster(
    logins: Logins, clock: SteppedClock, connections: int, at_a_time: int
) -> None:
    """The slot of the network and the wait are one: what slows one connection slows all of them."""
    numbers, done = itertools.count(), itertools.count()
    end = clock.now + 600

    def attack(_: int) -> None:
        while clock.now < end:
            try:
                guess(logins, next(numbers), at_a_time=at_a_time)
                next(done)
            except TooManyAtATime:
                pass
            clock.sleep(2.0)  # until the answer

    advance_until(clock, [gevent.spawn(attack, number) for number in range(connections)])
    assert next(done) <= at_a_time + 600 / 15 + MAX_WAITING
    assert not logins.slots and not logins.waits


def test_those_that_cannot_wait_hear_it_at_once(logins: Logins, clock: SteppedClock) -> None:
    guess(logins, 0)
    waiting = [gevent.spawn(guess, logins, number) for number in range(1, MAX_WAITING + 1)]
    gevent.sleep(0)
    with pytest.raises(TooManyAtATime):
        guess(logins, 9)
    guess(logins, 9, "192.0.2.2")
    advance_until(clock, waiting)
    assert clock.waits == [4, 8, 15, 15]
    assert not logins.waits


def test_who_is_ended_while_waiting_leaves_the_place(logins: Logins, clock: SteppedClock) -> None:
    guess(logins, 0)
    waiting = [gevent.spawn(guess, logins, number) for number in range(1, MAX_WAITING + 1)]
    gevent.sleep(0)
    gevent.killall(waiting)
    assert not logins.waits and not logins.slots


def test_others_of_the_network_get_in_beside_a_guesser(logins: Logins, clock: SteppedClock) -> None:
    """Who has logged in from there does not wait; the others do, for their slot."""
    logins.state.succeeded("192.0.2.1", "alice")
    guess(logins, 0)
    waiting = [gevent.spawn(guess, logins, number) for number in range(1, MAX_WAITING + 1)]
    gevent.sleep(0)
    with logins.slot("192.0.2.1", 2, "alice", is_watched=True) as level:
        assert level == 0
    assert clock.waits == [4], "of the guesser"
    gevent.killall(waiting)

    def log_in() -> None:
        with logins.slot("192.0.2.1", 2, "bob", is_watched=True):
            logins.state.succeeded("192.0.2.1", "bob")

    guesser, bob = gevent.spawn(guess, logins, 20), gevent.spawn(log_in)
    began = clock.now
    advance_until(clock, [guesser, bob])
    assert clock.now - began <= 4 + 8


def test_nobody_waits_who_is_not_watched(logins: Logins, clock: SteppedClock) -> None:
    guess(logins, 0)
    with logins.slot("192.0.2.1"):
        pass
    assert clock.waits == []


def test_connections_of_one_user_from_one_address() -> None:
    logins = Logins()
    assert logins.state.enter("tim", "192.0.2.1", 2)
    assert logins.state.enter("tim", "192.0.2.1", 2)
    assert not logins.state.enter("tim", "192.0.2.1", 2)
    assert logins.state.enter("tom", "192.0.2.1", 2)
    assert logins.state.enter("tim", "192.0.2.2", 2)
    assert logins.state.enter("tim", "192.0.2.1", 0), "any number"
    for _ in range(2):
        logins.state.leave("tim", "192.0.2.1")
    assert logins.state.enter("tim", "192.0.2.1", 2)
    assert not logins.state.enter("tim", "192.0.2.1", 2)


def test_nothing_is_kept_of_who_left() -> None:
    logins = Logins()
    for user in ("tim", "tom"):
        logins.state.enter(user, "192.0.2.1", 0)
        logins.state.leave(user, "192.0.2.1")
    assert connections(logins) == {}


def test_asking_keeps_nothing() -> None:
    logins = Logins()
    logins.state.enter("tim", "192.0.2.1", 1)
    logins.state.enter("tim", "192.0.2.1", 1)
    logins.state.leave("tim", "192.0.2.1")
    assert connections(logins) == {}


def test_logins_that_others_decide_get_more_slots() -> None:
    """A Dovecot holds refusals back for seconds: some wrong passwords behind one address must not keep the rest out."""
    logins = Logins()
    with ExitStack() as slots:
        for _ in range(AT_A_TIME_ELSEWHERE):
            slots.enter_context(logins.slot("192.0.2.1", AT_A_TIME_ELSEWHERE))
        assert AT_A_TIME < AT_A_TIME_ELSEWHERE


def test_what_asks_others(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("")
    passwd_file = f"passdb {{\n driver = passwd-file\n args = {tmp_path}/users\n}}\n"
    dovecot = "passdb {\n driver = dovecot\n args = unix:/run/auth\n}\n"
    assert not build_chain(load_text(f"ssl = no\n{passwd_file}").settings).asks_others
    assert build_chain(load_text(f"ssl = no\n{passwd_file}{dovecot}").settings).asks_others
