"""Few passwords at a time for one address, and none of that for the others."""

from __future__ import annotations

import gevent
import gevent.event
import pytest

from gsubmit.auth.passdb import Unavailable
from gsubmit.server.logins import AT_A_TIME, Logins


def test_one_address_waits_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.server.logins.PATIENCE", 0.05)
    logins = Logins()
    leave = gevent.event.Event()

    def check() -> None:
        with logins.turn("192.0.2.1"):
            leave.wait()

    guessing = [gevent.spawn(check) for _ in range(AT_A_TIME)]
    gevent.sleep(0)
    with pytest.raises(Unavailable), logins.turn("192.0.2.1"):
        pass
    with logins.turn("192.0.2.2"):
        pass
    leave.set()
    gevent.joinall(guessing, raise_error=True)
    with logins.turn("192.0.2.1"):
        pass
    assert not logins._by_address
