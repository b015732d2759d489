"""The log that a test sees is its own."""

from __future__ import annotations

import logging

import gevent
import pytest
from gevent.event import Event

from tests.harness import leftovers


def test_a_greenlet_of_an_earlier_test_logs_nothing_here(caplog: pytest.LogCaptureFixture) -> None:
    next_test = Event()

    def log(what: str) -> None:
        next_test.wait()
        logging.getLogger("gsubmit").warning(what)

    greenlets = [gevent.spawn(log, "left")]
    gevent.sleep(0)
    leftovers.begin_test()
    greenlets.append(gevent.spawn(log, "own"))
    next_test.set()
    gevent.joinall(greenlets, raise_error=True)
    log("own too")
    assert sorted(record.getMessage() for record in caplog.records) == ["own", "own too"]
