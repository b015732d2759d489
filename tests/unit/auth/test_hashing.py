"""Slow hashes are computed in threads, and what goes wrong there comes back."""

from __future__ import annotations

import threading

import gevent
import pytest
from passlib.hash import bcrypt

from gsubmit.auth import hashing
from gsubmit.auth.schemes import SchemeError, StoredPassword

BCRYPT = "{BLF-CRYPT}" + bcrypt.using(rounds=4).hash("secret")


def test_cheap_and_slow() -> None:
    assert hashing.check("{PLAIN}secret", "CRYPT", "secret")
    assert not hashing.check("{PLAIN}secret", "CRYPT", "other")
    assert hashing.check(BCRYPT, "CRYPT", "secret")
    assert not hashing.check(BCRYPT, "CRYPT", "other")


def test_user() -> None:
    stored = "{DIGEST-MD5}a9832fed4a7567b40e43443f9f30c272"
    assert hashing.check(stored, "CRYPT", "secret", user="user@example.org")
    assert not hashing.check(stored, "CRYPT", "secret", user="other@example.org")


@pytest.mark.parametrize("stored", ["{LDAP-MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==", "$1$Wkn3NgN1$CWF4khMvOqo/9nykZxYBM0"])
def test_weak_schemes(stored: str) -> None:
    assert hashing.check(stored, "CRYPT", "secret")
    with pytest.raises(SchemeError, match="weak password scheme, see auth_allow_weak_schemes"):
        hashing.check(stored, "CRYPT", "secret", allow_weak=False)
    assert hashing.check(BCRYPT, "CRYPT", "secret", allow_weak=False)


def test_run_in_a_thread(capfd: pytest.CaptureFixture[str]) -> None:
    def fail(text: str) -> None:
        raise ValueError(text)

    def refuse(text: str) -> None:
        raise SchemeError(text)

    assert hashing.run(divmod, 7, 3) == (2, 1)
    assert hashing.run(threading.get_ident) != threading.get_ident()
    with pytest.raises(SchemeError, match=r"^cannot compute the hash: ValueError$"):
        hashing.run(fail, "secret")
    with pytest.raises(SchemeError, match=r"^malformed$"):
        hashing.run(refuse, "malformed")
    assert capfd.readouterr() == ("", "")


def test_more_at_once_than_threads() -> None:
    passwords = ["secret", "other"] * 10
    waiting = [gevent.spawn(hashing.check, BCRYPT, "CRYPT", password) for password in passwords]
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
    hashing.check(slow, "CRYPT", "secret")
    worker.kill()
    assert steps > 10


def test_malformed_hash(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SchemeError, match="malformed hash"):
        hashing.check("$2y$05$secret", "CRYPT", "secret")
    assert capfd.readouterr() == ("", "")


def test_failure_in_the_thread(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def fail(self: StoredPassword, password: str, user: str) -> bool:
        raise MemoryError(f"no room for {password}")

    monkeypatch.setattr(StoredPassword, "matches", fail)
    with pytest.raises(SchemeError, match="MemoryError") as error:
        hashing.check(BCRYPT, "CRYPT", "secret")
    assert "secret" not in str(error.value)
    assert error.value.__cause__ is None
    assert capfd.readouterr() == ("", "")
