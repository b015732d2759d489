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

from gsubmit.auth.penalty import WAITS
from gsubmit.auth.schemes.stored import hash_password
from gsubmit.server.logins import AT_A_TIME
from tests.harness.guessing import SteppedClock, clocked
from tests.harness.loginclient import MECHANISMS, Kind, Talk, Who
from tests.harness.serving import Serving

GUESSES, CONNECTIONS, FAILURES = 300, 20, 5
LATER = "454 4.7.0 Temporary authentication failure"
ENOUGH = "421 4.7.0 msa.example.org Too many commands without a login"
ATTACKER, OTHER = Kind("127.0.0.1"), Kind("127.0.0.2", "implicit")
RIGHT = "cleAr-rigHt-9"
TRIED = ["PLAIN", "LOGIN", "SCRAM-SHA-256", "CRAM-MD5"]
TIMEOUT = 60  # seconds for all of a test
AGAIN = 10.0  # seconds of the test's clock before a guess for which there was no slot is tried again
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
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def served(tmp_path: Path, clock: SteppedClock) -> Iterator[Serving]:
    (tmp_path / "raw").mkdir()
    users = [f"hashed:{hash_password('SHA512-CRYPT', RIGHT, 1000)}", f"known:{{PLAIN}}{RIGHT}", ""]
    (tmp_path / "users").write_text("\n".join(users))
    with clocked(SETTINGS.format(folder=tmp_path), clock) as running:
        yield running


def attempt(
    served: Serving, clock: SteppedClock, kind: Kind, guesses: Iterator[tuple[str, Who]], replies: Counter[str]
) -> None:
    """Guess on one connection after the other until no guess is left; one more than is allowed on each."""
    guess = next(guesses, None)
    while guess is not None:
        talk = Talk(served.port, served.tls_port, kind)
        try:
            for _ in range(FAILURES):
                while (reply := MECHANISMS[guess[0]](talk, guess[1])) == LATER:
                    replies[LATER] += 1
                    clock.sleep(AGAIN)
                if reply == ENOUGH:  # it was not tried: on the next connection
                    break
                replies[reply] += 1
                guess = next(guesses, None)
                if guess is None:
                    return
            else:
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


def test_each_failure_makes_the_next_wait_longer(served: Serving, clock: SteppedClock) -> None:
    """RFC 4954 9 and Dovecot's auth penalty: 4, 8, 15, 15 seconds, for the next connection of the address too."""
    replies: Counter[str] = Counter()
    with gevent.Timeout(TIMEOUT):
        guesser = gevent.spawn(attempt, served, clock, ATTACKER, map(wrong, range(7)), replies)
        while not guesser.ready():
            gevent.sleep(0.001)
            if clock.sleepers:
                clock.advance()
        guesser.get()
    assert clock.waits == [4, 8, 15, 15, 15, 15]
    assert replies == {"535 5.7.8 Authentication failed": 7, "421 4.7.0 msa.example.org Too many failed logins": 1}


@pytest.mark.parametrize(
    ("failing", "waits"),
    [
        pytest.param("known", [4, 8, 4], id="the end of that user's own failures"),
        pytest.param("nobody", [4, 8, 4, 8], id="no end of guesses at others' passwords"),
    ],
)
def test_a_right_password(served: Serving, clock: SteppedClock, failing: str, waits: list[float]) -> None:
    """It waits itself; afterwards it does not wait any more."""
    wrong_ones = [("PLAIN", Who(failing, f"wrong{number}")) for number in range(4)]
    right = ("PLAIN", Who("known", RIGHT))
    with gevent.Timeout(TIMEOUT):
        for guess in [*wrong_ones[:2], right, right, *wrong_ones[2:]]:
            guesser = gevent.spawn(attempt, served, clock, ATTACKER, iter([guess]), Counter())
            while not guesser.ready():
                gevent.sleep(0.001)
                if clock.sleepers:
                    clock.advance()
            guesser.get()
    assert clock.waits == waits


def test_many_guesses(served: Serving, clock: SteppedClock, tmp_path: Path) -> None:
    """From one address over 20 connections; another address logs in meanwhile and waits for nothing."""
    replies: Counter[str] = Counter()
    guesses, others, began = map(wrong, range(GUESSES)), 0, clock.now
    with gevent.Timeout(TIMEOUT):
        guessers = [gevent.spawn(attempt, served, clock, ATTACKER, guesses, replies) for _ in range(CONNECTIONS)]
        for turn in itertools.count():
            if all(guesser.ready() for guesser in guessers):
                break
            gevent.sleep(0.001)
            if not clock.sleepers:
                continue
            if turn % 50 == 0:
                before = clock.now
                talk = Talk(served.port, served.tls_port, OTHER)
                assert MECHANISMS[TRIED[others % 4]](talk, Who("known", RIGHT)) == "235 2.7.0 Logged in"
                talk.close()
                others += 1
                assert clock.now == before, "it has not waited for time to go on"
            clock.advance()
        gevent.joinall(guessers, raise_error=True)

    assert others
    assert replies.keys() == {
        "535 5.7.8 Authentication failed",
        "421 4.7.0 msa.example.org Too many failed logins",
        LATER,
    }
    assert replies["535 5.7.8 Authentication failed"] == GUESSES
    # At most AT_A_TIME guesses came before the first had failed; the others waited one after the other.
    assert set(clock.waits) <= {4, 8, 15, AGAIN}
    assert clock.now - began >= 15 * (GUESSES - AT_A_TIME - len(WAITS))

    log = served.log_text
    ended = replies["421 4.7.0 msa.example.org Too many failed logins"]
    assert ended <= log.count("Aborted login (auth failed, 5 attempts in ") <= ended + CONNECTIONS
    written = log + "".join(path.read_text() for path in (tmp_path / "raw").iterdir()) + "".join(replies)
    assert "AUTH" in written
    stored = (tmp_path / "users").read_text()
    secrets = [RIGHT, stored.split("$")[-1].split("\n")[0], *(wrong(number)[1].secret for number in range(GUESSES))]
    assert [secret for secret in secrets if any(trace in written for trace in traces(secret))] == []
