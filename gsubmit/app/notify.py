"""What systemd is told of this process: sd_notify(3), for units of Type=notify. Elsewhere nobody is told anything."""

from __future__ import annotations

import math
import os
import time
from _socket import socket  # the system's: who calls this may have no event loop, and never waits
from contextlib import suppress
from socket import AF_UNIX, MSG_DONTWAIT, MSG_NOSIGNAL, SOCK_DGRAM


def ready(status: str) -> None:
    """The server serves: after the start, and after each reload whether it succeeded or not."""
    _tell("READY=1", f"STATUS={status}")


def reloading() -> None:
    """A reload has begun; `ready` ends it."""
    _tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def stopping() -> None:
    """No client is accepted any more."""
    _tell("STOPPING=1")


def alive() -> None:
    """What the watchdog waits for, see `watchdog_interval`."""
    _tell("WATCHDOG=1")


def watchdog_interval() -> float | None:
    """Seconds from one `alive` to the next: half of the unit's WatchdogSec. None where nobody waits for it."""
    limit, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID")
    if process not in (None, str(os.getpid())):
        return None  # another process is watched
    with suppress(ValueError, OverflowError):
        return int(limit) / 2_000_000 or None
    return None


class Herald:
    """Tells what has become of a server, each time that its process has nothing else to do."""

    def __init__(self) -> None:
        self._interval = watchdog_interval()
        self.due = time.monotonic() if self._interval else math.inf  # when to tell again, whatever happens (monotonic)
        self._is_ready = False

    def tell(self, is_ready: bool, status: str) -> None:
        """That it serves, or that it reloads, if that is new; and that the process is alive."""
        if is_ready and not self._is_ready:
            ready(status)
        elif self._is_ready and not is_ready:
            reloading()
        self._is_ready = is_ready
        if self._interval and time.monotonic() >= self.due:
            alive()
            self.due = time.monotonic() + self._interval


def _tell(*assignments: str) -> None:
    """Send these lines in one datagram; what cannot be sent at once is lost, for nothing depends on it."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place.startswith(("/", "@")):
        return
    address = os.fsencode(place)
    if place.startswith("@"):  # of Linux's abstract names, unix(7)
        address = b"\0" + address[1:]
    text = "\n".join(assignment.replace("\n", " ") for assignment in assignments)
    with suppress(OSError):
        told = socket(AF_UNIX, SOCK_DGRAM)
        try:
            told.sendto(text.encode("utf-8", "replace"), MSG_DONTWAIT | MSG_NOSIGNAL, address)
        finally:
            told.close()
