"""Who works for long lets others run: one rule for every loop whose length somebody outside decides.

gevent looks at sockets and at the clock only when the running greenlet waits for something. `time.sleep(0)` is no such
wait: up to 50 greenlets come and go by it before the loop looks. So the time counts, not what was done in it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import gevent
from gevent.hub import Waiter

TURN = 0.003  # seconds of work, by all greenlets together, after which the loop looks at sockets again
LEAST_TURN = 0.0002  # seconds, when many share one: going on has a price too


class _Turns:
    """What has happened since the loop last looked at sockets. Times are seconds of the monotonic clock."""

    __slots__ = ("began", "is_waking", "iteration", "looked", "resting", "runner", "until")

    def __init__(self) -> None:
        self.until = 0.0  # nobody needs to rest before
        self.iteration = -1  # the loop's own count of its looks
        self.looked = 0.0  # when we saw that count first
        self.runner: object = None  # the greenlet that asked last
        self.began = 0.0  # when its turn began
        self.resting: deque[Waiter[None]] = deque()  # greenlets that let others run, the first to go on first
        self.is_waking = False  # whether they go on after the loop's next look


_turns = _Turns()


def let_others_run() -> None:
    """Call it once for each line, block or field: it waits for the loop to look at all sockets when it is time.

    Time worked by other greenlets since the last look counts too. Who comes from a wait does one piece of its work
    in any case; those that rest here share TURN after each look, so that each goes on soon. Nobody is idle: when no
    socket has anything, the loop comes straight back. In another thread than the main one it does nothing.
    """
    now = time.monotonic()
    if now >= _turns.until:
        _look_at_turns(now)


def _look_at_turns(now: float) -> None:
    turns = _turns
    loop = gevent.get_hub().loop
    if not loop.default:  # a thread of its own, which keeps nobody waiting
        return
    me = gevent.getcurrent()
    iteration = loop.iteration
    if iteration != turns.iteration:  # whoever ran before that look has waited
        turns.iteration, turns.looked = iteration, now
        turns.runner, turns.began = me, now
    elif me is not turns.runner:
        turns.runner, turns.began = me, now
    elif now >= _end_of_turn():
        _rest()
        turns.runner, turns.began = me, time.monotonic()
    turns.until = _end_of_turn()


def _end_of_turn() -> float:
    ours = _turns.began + (max(TURN / (len(_turns.resting) + 1), LEAST_TURN) if _turns.resting else TURN)
    last = _turns.looked + TURN
    return ours if ours < last else last


def _rest() -> None:
    waiter: Waiter[None] = Waiter()
    _turns.resting.append(waiter)
    _wake_after_look()
    try:
        waiter.get()
    except BaseException:  # the end of a session, for instance
        if waiter in _turns.resting:
            _turns.resting.remove(waiter)
        raise


def _wake_after_look() -> None:
    if _turns.resting and not _turns.is_waking:
        _turns.is_waking = True
        timer = gevent.get_hub().loop.timer(0)  # timers come after the look at sockets
        timer.start(_wake, timer.close)


def _wake(close: Callable[[], None]) -> None:
    """Let those that rest go on, as long as there is time for it; runs in the hub."""
    close()
    _turns.is_waking = False
    now = time.monotonic()
    _turns.iteration, _turns.looked = gevent.get_hub().loop.iteration, now
    for _ in range(len(_turns.resting)):
        if _turns.resting:
            _turns.resting.popleft().switch(None)
        if time.monotonic() - now >= TURN:
            break
    _wake_after_look()
