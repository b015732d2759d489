"""What ties the processes of a server together: pipes between the master and all others."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Mapping
from typing import NamedTuple

import gevent
from gevent import socket
from gevent.event import Event

from gsubmit.app import process
from gsubmit.app.forking import hear_signals, read_all
from gsubmit.logs import output

_MOST = 500  # octets of a report; a pipe keeps what is written at once together up to 4096 (pipe(7))
_log = logging.getLogger("gsubmit")


class Link(NamedTuple):
    """What ties a process to its master: `lifeline` ends when the master does, `reports` takes lines for it."""

    lifeline: int
    reports: int

    def report(self, text: str = "") -> None:
        """Say that this process serves, or why it cannot."""
        os.write(self.reports, f"{os.getpid()} {text}".splitlines()[0].encode("utf-8", "replace")[:_MOST] + b"\n")

    def spawn_watch(self, stop: Event) -> None:
        """Set `stop` when the master has gone, however it went."""

        def watch() -> None:
            socket.wait_read(self.lifeline)
            _log.error("the master has gone")
            stop.set()

        gevent.spawn(watch)


class Pipes:
    """One that only the master can write to, and so ends with it; one that all others report to it."""

    def __init__(self) -> None:
        lifeline, self._lifeline_in = os.pipe2(os.O_CLOEXEC)
        self.reports, reports_in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.link = Link(lifeline, reports_in)
        self._rest = b""

    @property
    def of_master(self) -> tuple[int, int]:
        """What nobody else may have."""
        return self._lifeline_in, self.reports

    def read(self) -> list[str]:
        """The lines that have come."""
        *lines, self._rest = (self._rest + read_all(self.reports)).split(b"\n")
        return [line.decode("utf-8", "replace") for line in lines]


def begin(name: str, handlers: Mapping[signal.Signals, Callable[[], object]]) -> None:
    """In a process that was just forked: hear these signals, and those that have come; `name` is for ps and top.

    SIGUSR1 opens the log again. What a terminal or a reload says is for the master.
    """
    process.call_itself(name)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for number, handler in {signal.SIGUSR1: output.look_soon, **handlers}.items():
        gevent.signal_handler(number, handler)
    hear_signals()
