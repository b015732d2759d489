"""A well-behaved client beside an attack: `python waits.py WHAT PORT SECONDS` prints how long its sessions took.

WHAT is `look` (connect, EHLO, NOOP, QUIT) or `mail` (with a login and a message). A process of its own, so that what it
waits is the server's doing. It prints the milliseconds of each session, with a reply that refused it where one did.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

PAUSE = 0.02  # seconds between two sessions
TIMEOUT = 60.0  # seconds
SOURCE = "127.0.0.9"  # nobody's who attacks
LOOK = (b"EHLO probe.example.org", b"NOOP", b"QUIT")
MAIL = (
    *(b"EHLO probe.example.org", b"AUTH PLAIN AHByb2JlQGV4YW1wbGUub3JnAHNlY3JldA==", b"MAIL FROM:<probe@example.org>"),
    *(b"RCPT TO:<b@example.org>", b"DATA", b"Subject: probe\r\n\r\ntext\r\n.", b"QUIT"),
)


def main() -> None:
    """A line for each session: how long it took, and what refused it."""
    what, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    with suppress(PermissionError):
        os.nice(-10)  # it wakes up in time, whatever else goes on on its CPU
    end = time.monotonic() + seconds
    while (since := time.monotonic()) < end:
        try:
            refusal = _session(port, LOOK if what == "look" else MAIL)
        except OSError as error:
            refusal = str(error)
        print(f"{(time.monotonic() - since) * 1000:.3f} {refusal}", flush=True)
        time.sleep(PAUSE)


def _session(port: int, lines: tuple[bytes, ...]) -> str:
    """All of it; the reply that ended it before its time, or nothing."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT, (SOURCE, 0)) as sock, sock.makefile("rb") as replies:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for reply in _replies(sock, replies, lines):
            if reply[:1] not in b"23":
                return reply.decode(errors="replace").strip() or "closed"
    return ""


def _replies(sock: socket.socket, replies: BinaryIO, lines: tuple[bytes, ...]) -> Iterator[bytes]:
    yield _reply(replies)
    for line in lines:
        sock.sendall(line + b"\r\n")
        yield _reply(replies)


def _reply(replies: BinaryIO) -> bytes:
    line = replies.readline()
    while line[3:4] == b"-":
        line = replies.readline()
    return line or b"closed"


if __name__ == "__main__":
    main()
