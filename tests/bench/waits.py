"""A well-behaved client beside an attack: `python waits.py WHAT PORT SECONDS` prints how long its sessions took.

WHAT is `look` (connect, EHLO, NOOP, QUIT) or `mail` (with a login and a message). A session begins every 50 ms, however
long those before it take: whoever only begins when the last one has ended does not count those who would have waited.
A process of its own, so that what it waits is the server's doing. It prints a line for each session: its milliseconds, those
of the longest wait for one reply (the first one from the call on), and the reply that refused it, if one did.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from base64 import b64encode
from contextlib import suppress
from threading import Thread
from typing import BinaryIO

EVERY = 0.05  # seconds from one session's begin to the next
TIMEOUT = 60.0  # seconds
ADDRESSES = 250  # of clients, each a user of its own
LOOK = (b"EHLO probe.example.org", b"NOOP", b"QUIT")
MAIL = (
    *(b"EHLO probe.example.org", b"AUTH PLAIN ", b"MAIL FROM:<probe@example.org>"),
    *(b"RCPT TO:<b@example.org>", b"DATA", b"Subject: probe\r\n\r\ntext\r\n.", b"QUIT"),
)


def main() -> None:
    """A line for each session: how long it took, and what refused it."""
    what, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    with suppress(PermissionError):
        os.nice(-10)  # it wakes up in time, whatever else goes on on its CPU
    start = time.monotonic()
    sessions = []
    for number in range(int(seconds / EVERY)):
        time.sleep(max(start + number * EVERY - time.monotonic(), 0))
        sessions.append(Thread(target=_note, args=(number % ADDRESSES + 1, port, LOOK if what == "look" else MAIL)))
        sessions[-1].start()
    for session in sessions:
        session.join()


def _note(number: int, port: int, lines: tuple[bytes, ...]) -> None:
    since = time.monotonic()
    waits = [0.0]
    try:
        refusal = _session(number, port, lines, waits)
    except OSError as error:
        refusal = str(error)
    now = time.monotonic()
    # In one piece, others write too.
    sys.stdout.write(f"{(now - since) * 1000:.3f} {max(waits) * 1000:.3f} {refusal}\n")


def _session(number: int, port: int, lines: tuple[bytes, ...], waits: list[float]) -> str:
    """All of it; the reply that ended it before its time, or nothing. `waits` gets the seconds for each reply."""
    since = time.monotonic()
    user = b64encode(f"\0probe{number}@example.org\0secret".encode())
    with socket.create_connection(("127.0.0.1", port), TIMEOUT, (f"127.0.9.{number}", 0)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        replies = sock.makefile("rb")
        for line in (b"", *lines):
            if line:
                since = time.monotonic()
                sock.sendall((line + user if line.startswith(b"AUTH") else line) + b"\r\n")
            reply = _reply(replies)
            waits.append(time.monotonic() - since)
            if reply[:1] not in b"23":
                return reply.decode(errors="replace").strip()
    return ""


def _reply(replies: BinaryIO) -> bytes:
    line = replies.readline()
    while line[3:4] == b"-":
        line = replies.readline()
    return line or b"closed"


if __name__ == "__main__":
    main()
