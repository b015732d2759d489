"""Guessing passwords: each guess waits, the next connection too, and nobody else does."""

from __future__ import annotations

import hashlib
import itertools
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from gsubmit.auth.schemes import hash_password
from tests.harness.guessing import Clock, clocked
from tests.harness.loginclient import MECHANISMS, Kind, Talk, Who
from tests.harness.serving import Serving

GUESSES, CONNECTIONS, FAILURES = 1000, 20, 5
ATTACKER, OTHER = Kind("127.0.0.1"), Kind("127.0.0.2", "implicit")
RIGHT = "cleAr-rigHt-9"
TRIED = ["PLAIN", "LOGIN", "SCRAM-SHA-256", "CRAM-MD5"]
PATIENCE = 60  # seconds for all of a test
SETTINGS = """
auth_mechanisms = plain login scram-sha-256 cram-md5
auth_penalty = yes
auth_failure_delay = 0
auth_verbose = yes
rawlog_dir = {folder}/raw
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
"""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def served(tmp_path: Path, clock: Clock) -> Iterator[Serving]:
    (tmp_path / "raw").mkdir()
    users = [f"hashed:{hash_password('SHA512-CRYPT', RIGHT, 1000)}", f"known:{{PLAIN}}{RIGHT}", ""]
    (tmp_path / "users").write_text("\n".join(users))
    with clocked(SETTINGS.format(folder=tmp_path), clock) as running:
        yield running


def attempt(served: Serving, kind: Kind, guesses: Iterator[tuple[str, Who]], replies: Counter[str]) -> None:
    """Guess on one connection after the other until no guess is left; one more than is allowed on each."""
    while True:
        talk = Talk(served.port, served.tls_port, kind)
        try:
            for _ in range(FAILURES):
                guess = next(guesses, None)
                if guess is None:
                    return
                replies[MECHANISMS[guess[0]](talk, guess[1])] += 1
            replies[MECHANISMS["PLAIN"](talk, Who("known", RIGHT))] += 1
            assert talk.read() == ""
        finally:
            talk.close()


def wrong(number: int) -> tuple[str, Who]:
    """Another password each time: the same one again is no guess."""
    return TRIED[number % 4], Who(("hashed", "known", "nobody")[number % 3], f"wroNg-{number:04}-guEss")


def traces(secret: str) -> Iterator[str]:
    """The secret, and what base64 makes of it at each of the three places where it may begin; its hash."""
    yield secret
    for before in range(3):
        encoded = b64encode(b"x" * before + secret.encode()).decode()
        yield encoded[-(-before * 4 // 3) : len(encoded) // 4 * 4 - 4]
    for algorithm in ("md5", "sha1", "sha256", "blake2b"):
        yield hashlib.new(algorithm, secret.encode()).hexdigest()


def test_each_failure_makes_the_next_wait_longer(served: Serving, clock: Clock) -> None:
    """RFC 4954 9 and Dovecot's auth penalty: 4, 8, 15, 15 seconds, for the next connection of the address too."""
    replies: Counter[str] = Counter()
    with gevent.Timeout(PATIENCE):
        guesser = gevent.spawn(attempt, served, ATTACKER, map(wrong, range(7)), replies)
        while not guesser.ready():
            gevent.sleep(0.001)
            if clock.sleepers:
                clock.advance()
        guesser.get()
    assert clock.waits == [4, 8, 15, 15, 15, 15]
    assert replies == {"535 5.7.8 Authentication failed": 7, "421 4.7.0 msa.example.org Too many failed logins": 1}


def test_a_right_password_ends_the_waiting(served: Serving, clock: Clock) -> None:
    """It waits itself, and is the last that does."""
    guesses = [wrong(0), wrong(1), ("PLAIN", Who("known", RIGHT)), wrong(2), wrong(3)]
    with gevent.Timeout(PATIENCE):
        for guess in guesses:
            guesser = gevent.spawn(attempt, served, ATTACKER, iter([guess]), Counter())
            while not guesser.ready():
                gevent.sleep(0.001)
                if clock.sleepers:
                    clock.advance()
            guesser.get()
    assert clock.waits == [4, 8, 4]


def test_a_thousand_guesses(served: Serving, clock: Clock, tmp_path: Path) -> None:
    """From one address over 20 connections; another address logs in meanwhile and waits for nothing."""
    replies: Counter[str] = Counter()
    guesses, others = map(wrong, range(GUESSES)), 0
    with gevent.Timeout(PATIENCE):
        guessers = [gevent.spawn(attempt, served, ATTACKER, guesses, replies) for _ in range(CONNECTIONS)]
        for turn in itertools.count():
            at_work = [guesser for guesser in guessers if not guesser.ready()]
            if not at_work:
                break
            if len(clock.sleepers) < len(at_work):
                gevent.sleep(0.001)
                continue
            if turn % 10 == 0:
                before = clock.now, len(clock.waits)
                talk = Talk(served.port, served.tls_port, OTHER)
                assert MECHANISMS[TRIED[others % 4]](talk, Who("known", RIGHT)) == "235 2.7.0 Logged in"
                talk.close()
                others += 1
                assert (clock.now, len(clock.waits)) == before
            clock.advance()
        gevent.joinall(guessers, raise_error=True)

    assert others
    assert replies.keys() == {"535 5.7.8 Authentication failed", "421 4.7.0 msa.example.org Too many failed logins"}
    assert replies["535 5.7.8 Authentication failed"] == GUESSES
    # At most one guess of each connection came before the first had failed; each other one had to wait.
    assert len(clock.waits) >= GUESSES - CONNECTIONS
    assert set(clock.waits) <= {4, 8, 15}
    assert clock.now / GUESSES >= 15 / CONNECTIONS - 0.1  # seconds for each guess

    log = served.log_text
    assert (
        log.count("Aborted login (auth failed, 5 attempts in ")
        == replies[max(replies, key=lambda text: text[:1] == "4")]
    )
    written = log + "".join(path.read_text() for path in (tmp_path / "raw").iterdir()) + "".join(replies)
    assert "AUTH" in written
    stored = (tmp_path / "users").read_text()
    secrets = [RIGHT, stored.split("$")[-1].split("\n")[0], *(wrong(number)[1].secret for number in range(GUESSES))]
    assert [secret for secret in secrets if any(trace in written for trace in traces(secret))] == []
