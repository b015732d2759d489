"""One timer for all calls of plugins: each that waits too long hears of it, once, and no other."""

from __future__ import annotations

import time

import gevent

from gsubmit.plugins.deadlines import Deadlines


class Late(BaseException):
    """What is thrown."""


def call(deadlines: Deadlines, seconds: float, takes: float) -> bool:
    """Whether a call that takes so long was ended, with so many seconds for it."""
    late = Late()
    deadlines.begin(late, time.monotonic() + seconds)
    try:
        gevent.sleep(takes)
    except Late as thrown:
        assert thrown is late
        gevent.sleep(0.25)  # it is thrown once
        return True
    finally:
        deadlines.end(late)
    return False


def test_who_is_late_hears_of_it_and_nobody_else() -> None:
    deadlines = Deadlines()
    calls = [(0.05, 30.0), (30.0, 0.4), (0.3, 30.0), (0.0, 30.0), (30.0, 0.0)]
    asked = [gevent.spawn(call, deadlines, *one) for one in calls]
    gevent.joinall(asked, timeout=20)
    assert [one.value for one in asked] == [True, False, True, True, False]


def test_time_is_watched_again_after_a_rest() -> None:
    deadlines = Deadlines()
    assert not call(deadlines, 30.0, 0.0)
    gevent.sleep(0.25)
    with gevent.Timeout(20):
        assert call(deadlines, 0.05, 30.0)
