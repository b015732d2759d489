"""One client that sends a message in steady chunks: `python body.py PORT SECONDS` prints how long it waited for replies.

A process of its own, so that its waits are the server's and not those of the clients that make the load.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress

CHUNK = b"x" * 65_534 + b"\r\n"
PAUSE = 0.02  # seconds between two chunks
LINES = (
    b"EHLO client.example.org",
    b"AUTH PLAIN AHVzZXIAc2VjcmV0",
    b"MAIL FROM:<a@example.org>",
    b"RCPT TO:<b@example.org>",
)


def main() -> None:
    """Print the longest wait, and the one that 99 of 100 are shorter than, in milliseconds."""
    port, seconds = int(sys.argv[1]), float(sys.argv[2])
    with suppress(PermissionError):
        os.nice(-10)  # it wakes up in time, whatever else goes on on its CPU
    with socket.create_connection(("127.0.0.1", port)) as sock, sock.makefile("rb") as replies:
        _reply(replies.readline)
        for line in LINES:
            sock.sendall(line + b"\r\n")
            _reply(replies.readline)
        waits = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            since = time.monotonic()
            sock.sendall(b"BDAT %d\r\n" % len(CHUNK) + CHUNK)
            _reply(replies.readline)
            waits.append((time.monotonic() - since) * 1000)
            time.sleep(PAUSE)
    waits.sort()
    print(waits[-1], waits[len(waits) * 99 // 100])


def _reply(readline: Callable[[], bytes]) -> None:
    line = readline()
    while line[3:4] == b"-":
        line = readline()
    assert line[:1] == b"2", line


if __name__ == "__main__":
    main()
