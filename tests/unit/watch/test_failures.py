"""The last failures, asked for over the control socket, and a relay that is probed because somebody asks."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from gsubmit.logs import failures
from gsubmit.watch.answers import END, answered
from gsubmit.watch.commands import commands_of
from gsubmit.watch.lines import Object
from tests.harness.ports import free_port
from tests.harness.serving import Serving, serving
from tests.harness.smtpserver import Server, served
from tests.unit.server.clients import client
from tests.unit.watch.asking import until


@pytest.fixture(autouse=True)
def nothing_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    none: deque[Any] = deque()
    monkeypatch.setattr(failures, "_last", none)


def told(running: Serving, command: str) -> list[Object]:
    commands = commands_of(running.server.door, lambda: running.server.service)
    *objects, end = answered({"command": command}, commands)
    assert end == END
    return objects


def test_what_the_relay_refused() -> None:
    relay = Server({"RCPT": "550 5.1.1 no such user"})
    with served(relay), serving("", relay.port) as running, client(running) as somebody:
        assert told(running, "failures") == []
        somebody.say("MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>")
        (failure,) = told(running, "failures")
    assert (failure["by"], failure["reply"]) == ("relay", "550 5.1.1 no such user")
    assert failure["user"] == "user"


def test_a_relay_that_is_not_there_is_found_by_a_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("", free_port()) as running:
        until(lambda: told(running, "failures"))  # at the start
        monkeypatch.setattr("gsubmit.relay.relay.LEARN_AGAIN", 0)
        running.server.service.relay._learn_after = 0.0  # type: ignore[attr-defined]
        assert told(running, "probe") == []
        until(lambda: told(running, "failures")[-1].get("times") == 2)
