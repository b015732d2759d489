"""Slow hashes are computed in threads, and what goes wrong there comes back."""

from __future__ import annotations

import threading

import gevent
import gevent.event
import pytest
from passlib.hash import bcrypt

from gsubmit.auth import hashing
from gsubmit.auth.passdb import Unavailable
from gsubmit.auth.schemes.scheme import SchemeError
from gsubmit.auth.schemes.stored import Rules, StoredPassword
from gsubmit.sasl.claims import Denied
from tests.unit.auth.answering import compared

BCRYPT = "{BLF-CRYPT}" + bcrypt.using(rounds=4).hash("secret")


def test_cheap_and_slow() -> None:
    assert compared("{PLAIN}secret", "secret")
    assert not compared("{PLAIN}secret", "other")
    assert compared(BCRYPT, "secret")
    assert not compared(BCRYPT, "other")


def test_user() -> None:
    stored = "{DIGEST-MD5}a9832fed4a7567b40e43443f9f30c272"
    assert compared(stored, "secret", user="user@example.org")
    assert not compared(stored, "secret", user="other@example.org")


@pytest.mark.parametrize("stored", ["{LDAP-MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==", "$1$Wkn3NgN1$CWF4khMvOqo/9nykZxYBM0"])
def test_weak_schemes(stored: str) -> None:
    assert compared(stored, "secret")
    with pytest.raises(SchemeError, match="weak password scheme, see auth_allow_weak_schemes"):
        compared(stored, "secret", rules=Rules(allow_weak=False))
    assert compared(BCRYPT, "secret", rules=Rules(allow_weak=False))


def test_run_in_a_thread(capfd: pytest.CaptureFixture[str]) -> None:
    def fail(text: str) -> None:
        raise ValueError(text)

    def refuse(text: str) -> None:
        raise SchemeError(text)

    assert hashing.run(divmod, 7, 3) == (2, 1)
    assert hashing.run(threading.get_ident) != threading.get_ident()
    with pytest.raises(Unavailable, match=r"^cannot compute the hash: ValueError$"):
        hashing.run(fail, "secret")
    with pytest.raises(SchemeError, match=r"^malformed$"):
        hashing.run(refuse, "malformed")
    assert capfd.readouterr() == ("", "")


def test_more_at_once_than_threads() -> None:
    passwords = ["secret", "other"] * 10
    waiting = [gevent.spawn(compared, BCRYPT, password) for password in passwords]
    assert [greenlet.get(timeout=30) for greenlet in waiting] == [True, False] * 10


def test_other_greenlets_run_meanwhile() -> None:
    slow = "{BLF-CRYPT}" + bcrypt.using(rounds=10).hash("secret")
    steps = 0

    def work() -> None:
        nonlocal steps
        while True:
            steps += 1
            gevent.sleep(0)

    worker = gevent.spawn(work)
    compared(slow, "secret")
    worker.kill()
    assert steps > 10


def test_one_computation_of_a_user_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """And none of who has left, or of a hash that costs too much."""
    running: list[str] = []
    most: list[int] = []
    ended = gevent.event.Event()

    def compute(self: StoredPassword, password: str, user: str) -> bool:
        running.append(user)
        most.append(running.count("tim"))
        ended.wait(10)
        running.remove(user)
        return True

    def leave() -> None:
        raise Denied("left")

    monkeypatch.setattr(StoredPassword, "matches", compute)
    monkeypatch.setattr(hashing, "run", lambda function, *arguments: function(*arguments))
    waiting = [gevent.spawn(compared, BCRYPT, "x", user="tim") for _ in range(4)]
    gone = gevent.spawn(compared, BCRYPT, "x", user="tim", check_wanted=leave)
    other = gevent.spawn(compared, BCRYPT, "x", user="tom")
    gevent.sleep(0)
    gevent.sleep(0)
    assert sorted(running) == ["tim", "tom"]
    ended.set()
    assert [greenlet.get(timeout=10) for greenlet in (*waiting, other)] == [True] * 5
    with pytest.raises(Denied, match="left"):
        gone.get(timeout=10)
    assert max(most) == 1
    assert len(most) == 5


def test_large_ones_are_computed_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    running: list[str] = []
    ended = gevent.event.Event()

    def compute(self: StoredPassword, password: str, user: str) -> bool:
        running.append(user)
        return ended.wait(10)

    monkeypatch.setattr(StoredPassword, "matches", compute)
    monkeypatch.setattr(hashing, "run", lambda function, *arguments: function(*arguments))
    large = "{ARGON2ID}$argon2id$v=19$m=131072,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
    waiting = [gevent.spawn(compared, large, "x", user=user) for user in ("a", "b", "c")]
    waiting.append(gevent.spawn(compared, BCRYPT, "x", user="d"))
    gevent.sleep(0)
    gevent.sleep(0)
    assert running == ["a", "d"]
    ended.set()
    gevent.joinall(waiting, timeout=10, raise_error=True)
    assert sorted(running) == ["a", "b", "c", "d"]


def test_whoever_waits_can_be_ended() -> None:
    """A computation holds up neither the end of the login nor a stop, and its slot goes to the next."""
    slow = "{BLF-CRYPT}" + bcrypt.using(rounds=10).hash("secret")
    waiting = [gevent.spawn(compared, slow, "secret", user="tim") for _ in range(3)]
    gevent.sleep(0)
    gevent.killall(waiting[:2], timeout=10)
    assert waiting[2].get(timeout=10) is True
    assert compared(slow, "secret", user="tim")


@pytest.mark.parametrize(
    "stored", ["$6$rounds=999999999$salt$hash", "{ARGON2ID}$argon2id$v=19$m=1048576,t=1,p=1$YQ$YQ"]
)
def test_too_costly(stored: str) -> None:
    with pytest.raises(SchemeError, match="auth_max_hash_"):
        compared(stored, "secret")


def test_malformed_hash(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SchemeError, match="malformed hash"):
        compared("$2y$05$secret", "secret")
    assert capfd.readouterr() == ("", "")


def test_failure_in_the_thread(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def fail(self: StoredPassword, password: str, user: str) -> bool:
        raise MemoryError(f"no room for {password}")

    monkeypatch.setattr(StoredPassword, "matches", fail)
    with pytest.raises(Unavailable, match="MemoryError") as error:
        compared(BCRYPT, "secret")
    assert "secret" not in str(error.value)
    assert error.value.__cause__ is None
    assert capfd.readouterr() == ("", "")
