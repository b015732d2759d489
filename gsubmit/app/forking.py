"""Processes of a program that has no event loop: forked, heard of by signals, and waited for in one place.

All of it is the system's own, past gevent's patch: an event loop would be forked too.
"""

from __future__ import annotations

import logging
import os
import select
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from gevent import monkey

from gsubmit.logs import output, rawlog

HEARD = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
_HELD = (*HEARD, signal.SIGUSR2)
_PIECE = 4096  # octets

_close: Callable[[int], None] = monkey.get_original("os", "close")
_fork: Callable[[], int] = monkey.get_original("os", "fork")
_waitpid: Callable[[int, int], tuple[int, int]] = monkey.get_original("os", "waitpid")
_poll: Callable[[], select.poll] = monkey.get_original("select", "poll")
_signal = monkey.get_original("signal", "signal")
_log = logging.getLogger("gsubmit")


class Signals:
    """The signals of HEARD, which interrupt nothing: they are told when somebody waits."""

    def __init__(self) -> None:
        self._out, self._in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before = {number: _signal(number, lambda *_: None) for number in HEARD}
        signal.set_wakeup_fd(self._in, warn_on_full_buffer=False)

    def wait(self, files: Iterable[int], seconds: float) -> tuple[set[int], set[int]]:
        """The signals that have come, and the files that can be read; both empty after that time."""
        poll = _poll()
        for file in (self._out, *files):
            poll.register(file, select.POLLIN)
        ready = {file for file, _ in poll.poll(max(0.0, seconds) * 1000)}
        numbers = set(read_all(self._out)) if self._out in ready else set()
        return numbers, ready - {self._out}

    def close(self) -> None:
        """Let signals do what they did before. Also for a child, which is told nothing of its parent's."""
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            _signal(number, handler)
        _close(self._in)
        _close(self._out)


def read_all(file: int) -> bytes:
    """What can be read of a pipe now, without waiting."""
    octets = b""
    with suppress(BlockingIOError):
        while piece := os.read(file, _PIECE):
            octets += piece
    return octets


def hear_signals() -> None:
    """In a process that was forked: hear them from now on, with those that have come since."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)


def fork(work: Callable[[], int], signals: Signals | None, closes: Iterable[int]) -> int:
    """Do work in a process of its own, which ends with the code that `work` returns; its process id.

    There the parent's log, the files of `closes` and its handlers of signals are gone; signals wait until `work` has
    handlers of its own, and hears them. Raises OSError.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
    child = -1
    try:
        child = _fork()
    finally:
        if child:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if child:
        return child
    code = os.EX_SOFTWARE
    try:
        output.begin_anew()
        for file in closes:
            _close(file)
        if signals is not None:
            signals.close()
        code = work()
    except BaseException:
        _log.exception("internal error")
    finally:
        with suppress(BaseException):
            rawlog.flush()
            output.close()
        os._exit(code)


def tell(process: int, number: signal.Signals) -> None:
    """Send a signal to a child that was not waited for."""
    try:
        os.kill(process, number)
    except PermissionError:  # it has become another user
        _log.error("process %d cannot be told %s: the master needs CAP_KILL", process, number.name)


def ended() -> Iterator[tuple[int, int]]:
    """Children that have ended and were not waited for: process id and exit code, negative for a signal."""
    with suppress(ChildProcessError):
        while True:
            child, status = _waitpid(-1, os.WNOHANG)
            if not child:
                return
            yield child, os.waitstatus_to_exitcode(status)


def await_end(child: int) -> int:
    """The exit code of a child, negative for a signal."""
    return os.waitstatus_to_exitcode(_waitpid(child, 0)[1])
