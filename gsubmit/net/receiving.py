"""Receiving by a socket that does not block, for whoever has just spoken and has to wait for the answer.

gevent's own recv tries first, in vain, and then makes a Timeout of ten Python calls. One timer of the loop does it.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from socket import socket
from typing import Any

from gevent import getcurrent


def receive(sock: socket, size: int, seconds: float) -> bytes:
    """The next octets within so many seconds, none at the end. Raises OSError, TimeoutError among it."""
    patched: Any = sock  # gevent's, with watchers for the loop
    hub = patched.hub
    timer = hub.loop.timer(seconds)
    timer.start(getcurrent().throw, TimeoutError, "no answer in time", update=True)
    try:
        if not isinstance(sock, ssl.SSLSocket):  # which may hold octets that the loop does not see
            hub.wait(patched._read_event)
        while True:
            try:
                return sock.recv(size)
            except (BlockingIOError, ssl.SSLWantReadError):
                hub.wait(patched._read_event)
            except ssl.SSLWantWriteError:
                hub.wait(patched._write_event)
    except TimeoutError:
        with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return sock.recv(size)  # it has come meanwhile, and we were the slow ones
        raise
    finally:
        timer.close()
