"""Sending, for both legs."""

from __future__ import annotations

import select
import ssl
from socket import socket


def send_some(sock: socket, octets: bytes | memoryview) -> int:
    """How many of the octets leave at once, by a socket that does not wait. Raises OSError."""
    try:
        return sock.send(octets)
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return 0


def await_event(sock: socket, events: int, timeout: float) -> None:
    """Wait until the other side takes more (POLLOUT) or has said something (POLLIN). Raises TimeoutError."""
    waiting = select.poll()  # not select(), which knows no descriptors above 1023
    waiting.register(sock, events)
    if timeout <= 0 or not waiting.poll(timeout * 1000):
        raise TimeoutError("no answer in time")
