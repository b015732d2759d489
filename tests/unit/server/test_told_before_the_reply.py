"""Mechanisms that explain a refusal in a challenge: whoever leaves after that has failed all the same (RFC 7628 3.2.3)."""

from __future__ import annotations

from base64 import b64encode

import gevent
import pytest

from gsubmit.server.wire import Closed
from gsubmit.smtp import replies
from gsubmit.smtp.reply import Disconnected, Reply
from tests.unit.server.logins import HERE, STATIC, SleepingClock, attempt
from tests.unit.server.sessions import Client, connected

SETTINGS = STATIC + "auth_mechanisms = plain oauthbearer xoauth2\nauth_verbose = yes\n"
GUESS = b64encode(b"user=tim\x01auth=Bearer guess\x01\x01").decode()
BEARER = b64encode(b"n,a=tim,\x01auth=Bearer guess\x01\x01").decode()


def has_failed(client: Client) -> bool:
    session = client.session
    return bool(session.attempts.failed) and bool(session.service.logins.state.level(HERE))


@pytest.mark.parametrize("line", [f"AUTH XOAUTH2 {GUESS}", f"AUTH OAUTHBEARER {BEARER}"])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"*\r\n", replies.AUTH_ABORTED, id="AUT-7 cancelled"),
        pytest.param(b"?\r\n", replies.AUTH_MALFORMED, id="AUT-3 no base64"),
        pytest.param(b"A" * 20000 + b"\r\n", replies.AUTH_LINE_TOO_LONG, id="AUT-8 too long"),
        pytest.param(b"\r\n", replies.AUTH_FAILED, id="XOA-2 answered"),
    ],
)
def test_counts_and_is_held_back(clock: SleepingClock, line: str, content: bytes, expected: Reply) -> None:
    with connected(SETTINGS) as client:
        assert client.reply(line, content) == expected
        assert has_failed(client)
        assert clock.slept == [2]
        assert client.reply(attempt()) == replies.AUTH_FAILED
        assert clock.slept == [2, 4, 2]


def test_gone(clock: SleepingClock, caplog: pytest.LogCaptureFixture) -> None:
    with connected(SETTINGS) as client, caplog.at_level("INFO"):
        gone = gevent.spawn(client.sock.close)
        with pytest.raises(Closed):
            client.reply(f"AUTH XOAUTH2 {GUESS}")
        gone.join()
        assert has_failed(client)
    assert "Login failed" in caplog.text
    assert clock.slept == []


def test_ends_the_connection_at_last(clock: SleepingClock) -> None:
    with connected(SETTINGS + "auth_max_failures_per_connection = 2\nauth_penalty = no\n") as client:
        for _ in range(2):
            assert client.reply(f"AUTH XOAUTH2 {GUESS}", b"*\r\n") == replies.AUTH_ABORTED
        with pytest.raises(Disconnected):
            client.reply(f"AUTH XOAUTH2 {GUESS}", b"*\r\n")


def test_a_password_that_one_passdb_compared_while_another_was_down(clock: SleepingClock) -> None:
    """454 never counts (AUT-10), so the delay is all that slows a guesser meanwhile."""
    down = "passdb {\ndriver = dovecot\nargs = unix:/nowhere/auth\n}\n"
    with connected(STATIC + down) as client:
        assert client.reply(attempt()) == replies.AUTH_UNAVAILABLE
        assert not has_failed(client)
        assert client.reply(attempt("secret")) == replies.LOGGED_IN
    assert clock.slept == [2]
