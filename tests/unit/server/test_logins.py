"""Few passwords at a time for one address, waits after failures, and connections of one user."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import gevent
import gevent.event
import pytest

from gsubmit.auth.chain import build_chain
from gsubmit.auth.passdb import Unavailable
from gsubmit.auth.penalty import Penalty
from gsubmit.server.logins import AT_A_TIME, AT_A_TIME_ELSEWHERE, Logins
from gsubmit.settings.load import load_text


def test_one_address_waits_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.server.logins.PATIENCE", 0.05)
    logins = Logins()
    leave = gevent.event.Event()

    def check() -> None:
        with logins.turn("192.0.2.1"):
            leave.wait()

    guessing = [gevent.spawn(check) for _ in range(AT_A_TIME)]
    gevent.sleep(0)
    with pytest.raises(Unavailable), logins.turn("192.0.2.1"):
        pass
    with logins.turn("192.0.2.2"):
        pass
    leave.set()
    gevent.joinall(guessing, raise_error=True)
    with logins.turn("192.0.2.1"):
        pass
    assert not logins.turns


def test_a_customer_with_many_addresses_has_no_more_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each turn may hold a connection to a passdb for seconds, and of those there are few for all."""
    monkeypatch.setattr("gsubmit.server.logins.PATIENCE", 0.0)
    logins = Logins()
    with logins.turn("2001:db8:1::1"), logins.turn("2001:db8:1:ffff::2"):
        with pytest.raises(Unavailable), logins.turn("2001:db8:1:2::3"):
            pass
        with logins.turn("2001:db8:2::1"):
            pass
    assert not logins.turns


def test_a_turn_is_given_back_after_a_failure() -> None:
    logins = Logins()
    for _ in range(AT_A_TIME + 1):
        with pytest.raises(ZeroDivisionError), logins.turn("192.0.2.1"):
            raise ZeroDivisionError
    assert not logins.turns


def test_waits_by_level() -> None:
    slept: list[float] = []
    logins = Logins(slept.append)
    logins.penalty = Penalty(lambda: 1000.0)
    levels = []
    for number in range(6):
        levels.append(logins.wait("192.0.2.1"))
        logins.penalty.failed("192.0.2.1", levels[-1], "tim", f"guess{number}")
    assert logins.wait("192.0.2.2") == 0
    assert levels == [0, 1, 2, 3, 4, 4]
    assert slept == [4, 8, 15, 15, 15]


def test_connections_of_one_user_from_one_address() -> None:
    logins = Logins()
    assert logins.enter("tim", "192.0.2.1", 2)
    assert logins.enter("tim", "192.0.2.1", 2)
    assert not logins.enter("tim", "192.0.2.1", 2)
    assert logins.enter("tom", "192.0.2.1", 2)
    assert logins.enter("tim", "192.0.2.2", 2)
    assert logins.enter("tim", "192.0.2.1", 0), "any number"
    for _ in range(2):
        logins.leave("tim", "192.0.2.1")
    assert logins.enter("tim", "192.0.2.1", 2)
    assert not logins.enter("tim", "192.0.2.1", 2)


def test_nothing_is_kept_of_who_left() -> None:
    logins = Logins()
    for user in ("tim", "tom"):
        logins.enter(user, "192.0.2.1", 0)
        logins.leave(user, "192.0.2.1")
    assert logins._connections == {}


def test_asking_keeps_nothing() -> None:
    logins = Logins()
    logins.enter("tim", "192.0.2.1", 1)
    logins.enter("tim", "192.0.2.1", 1)
    logins.leave("tim", "192.0.2.1")
    assert logins._connections == {}


def test_logins_that_others_decide_get_more_turns() -> None:
    """A Dovecot holds refusals back for seconds: some wrong passwords behind one address must not keep the rest out."""
    logins = Logins()
    with ExitStack() as turns:
        for _ in range(AT_A_TIME_ELSEWHERE):
            turns.enter_context(logins.turn("192.0.2.1", AT_A_TIME_ELSEWHERE))
        assert AT_A_TIME < AT_A_TIME_ELSEWHERE


def test_what_asks_others(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("")
    passwd_file = f"passdb {{\n driver = passwd-file\n args = {tmp_path}/users\n}}\n"
    dovecot = "passdb {\n driver = dovecot\n args = unix:/run/auth\n}\n"
    assert not build_chain(load_text(f"ssl = no\n{passwd_file}").settings).asks_others
    assert build_chain(load_text(f"ssl = no\n{passwd_file}{dovecot}").settings).asks_others
