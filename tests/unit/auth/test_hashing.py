"""Slow hashes are computed in threads, and what goes wrong there comes back."""

from __future__ import annotations

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
    def fail(self: StoredPassword, password: str) -> bool:
        raise MemoryError(f"no room for {password}")

    monkeypatch.setattr(StoredPassword, "matches", fail)
    with pytest.raises(SchemeError, match="MemoryError") as error:
        hashing.check(BCRYPT, "CRYPT", "secret")
    assert "secret" not in str(error.value)
    assert error.value.__cause__ is None
    assert capfd.readouterr() == ("", "")
