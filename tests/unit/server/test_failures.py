"""The last failures: what is kept of them, and what is not."""

from __future__ import annotations

import logging
from collections import deque
from typing import Any

import pytest

from gsubmit.dial.answer import RelayFailed
from gsubmit.logs import failures
from gsubmit.logs.failures import KEPT, last_failures, log_failure
from gsubmit.server import journal
from gsubmit.smtp.replies import RELAY_BUSY
from gsubmit.smtp.reply import Reply
from tests.unit.server.sessions import connected


@pytest.fixture(autouse=True)
def nothing_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    none: deque[Any] = deque(maxlen=KEPT)
    monkeypatch.setattr(failures, "_last", none)


def test_what_is_refused_or_lost_is_kept_with_its_facts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with connected() as client:
        client.log_in()
        client.say("EHLO c", "MAIL FROM:<a@x>")
        client.reply("RCPT TO:b@x c")
        client.say("RCPT TO:<b@x>")
        client.delivery.final = Reply(554, "5.7.1", "Spam")
        client.reply("BDAT 3 LAST", b"abc")
        session = client.session.id
    RelayFailed(RELAY_BUSY, "all 3 connections are busy").log("submission(user)<s2>")
    rcpt, message, relay = last_failures()
    whose = {"program": "submission", "session": session, "user": "user", "level": "info"}
    assert whose.items() <= rcpt.items() and whose.items() <= message.items()
    assert (rcpt["to"], rcpt["by"]) == (["b@x"], "gsubmit")
    assert (message["to"], message["by"], message["reply"]) == (["b@x"], "relay", "554 5.7.1 Spam")
    assert (relay["level"], relay["session"], relay["message"]) == ("error", "s2", "relay: all 3 connections are busy")
    assert [rcpt["message"], message["message"], relay["message"]] == caplog.messages
    assert str(rcpt["time"]).endswith("Z")


def test_what_succeeds_is_not_kept() -> None:
    with connected() as client:
        client.log_in()
        client.say("EHLO c", "MAIL FROM:<a@x>", "RCPT TO:<b@x>")
        assert not client.reply("BDAT 3 LAST", b"abc").refuses
    assert list(last_failures()) == []


def test_strangers_cannot_fill_it() -> None:
    """But a passdb that is down is worth to be known."""
    with connected() as client:
        client.reply("EHLO c")
        assert client.reply("MAIL FROM:<a@x>").code == 530
        journal.login_failed(client.session, "u", "PLAIN", "password mismatch")
        assert list(last_failures()) == []
        journal.login_unavailable(client.session, "u", "PLAIN", "cannot read /users")
    (failure,) = last_failures()
    assert (failure["user"], failure["rip"]) == ("u", "192.0.2.10")


def test_only_the_last_ones_are_kept() -> None:
    for number in range(KEPT + 5):
        log_failure("%d", number, extra={"prefix": "submission(u)<s>"})
    kept = [failure["message"] for failure in last_failures()]
    assert kept == [str(number) for number in range(5, KEPT + 5)]


def test_what_comes_again_is_kept_once() -> None:
    for reason in ("refused", "refused", "refused", "timed out", "refused"):
        RelayFailed(RELAY_BUSY, reason).log()
    kept = [(failure["message"], failure.get("times")) for failure in last_failures()]
    assert kept == [("relay: refused", 3), ("relay: timed out", None), ("relay: refused", None)]
