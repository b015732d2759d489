"""A server whose waits after failed logins take no time: its clock stands still, and is set on by whoever tests."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import StringIO

import pytest
from gevent.event import Event

from gsubmit.app.server import Server
from gsubmit.logs import output
from gsubmit.settings.load import load_text
from tests.harness.clock import Clock
from tests.harness.serving import Serving, configuration

CLOCKED = ("server.logins", "auth.state.localpenalty")


@dataclass
class SteppedClock(Clock):
    """Whoever sleeps wakes when it is advanced."""

    waits: list[float] = field(default_factory=list)
    sleepers: list[tuple[float, int, Event]] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        awake = Event()
        heapq.heappush(self.sleepers, (self.now + seconds, len(self.waits), awake))
        awake.wait()

    def advance(self) -> None:
        """To the time at which the next one wakes."""
        self.now = self.sleepers[0][0]
        while self.sleepers and self.sleepers[0][0] <= self.now:
            heapq.heappop(self.sleepers)[2].set()


@contextmanager
def clocked(settings: str, clock: SteppedClock) -> Iterator[Serving]:
    """Run a server whose penalty is by this clock."""
    text, port, tls_port = configuration(settings)
    log = StringIO()
    loaded = load_text(text).settings
    server = Server(loaded)
    output.configure(replace(loaded.logging, log_path=""), log)
    with pytest.MonkeyPatch.context() as patch:
        clock.rule(patch, *CLOCKED)
        server.start()
        try:
            yield Serving(server, port, tls_port, log)
        finally:
            while clock.sleepers:
                clock.advance()
            server.stop(seconds=2)
        logging.getLogger("gsubmit").handlers.clear()
