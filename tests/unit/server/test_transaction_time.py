"""A transaction that brings no recipient and no content ends, whatever else its client says (TMO-1)."""

from __future__ import annotations

import gevent
import pytest

from tests.harness.serving import serving
from tests.harness.smtpserver import Server, served
from tests.unit.server.clients import ENVELOPE, MESSAGE, client


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.server.conversation.TRANSACTION_TIME", 0.2)


@pytest.mark.parametrize("line", ["NOOP", "HELP", "VRFY x", "RCPT TO:<>", "EXPN x"])
def test_it_ends(short: None, line: str) -> None:
    server = Server()
    with served(server), serving(relay_port=server.port) as running, client(running) as one:
        assert one.say(*ENVELOPE) == "250"
        assert one.say("NOOP") == "250"
        gevent.sleep(0.3)
        assert one.say(line) == "421"
        assert "Traceback" not in running.log_text


def test_what_moves_goes_on(short: None) -> None:
    server = Server()
    with served(server), serving(relay_port=server.port) as running, client(running) as one:
        assert one.say(ENVELOPE[0]) == "250"
        for _ in range(3):
            gevent.sleep(0.1)
            assert one.say(ENVELOPE[1]) == "250"
        gevent.sleep(0.3)
        assert one.say("DATA", MESSAGE) == "250"
        gevent.sleep(0.3)
        assert one.say("NOOP") == "250"
