"""Ctrl-C as an exception that is reported like any other end of a submission."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupted(SystemExit):
    """Ctrl-C. Not KeyboardInterrupt: gevent prints that one to stderr when it comes while everybody waits."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, Ctrl-C raises Interrupted; not caught, it ends the program without a word."""
    if threading.current_thread() is not threading.main_thread():  # beside a server, Ctrl-C belongs to the server
        yield
        return
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(_number: int, _frame: object) -> None:
    raise Interrupted(128 + signal.SIGINT)
