"""A relay that never forgets what it took, and counts its connections. A program: it runs as a process of its own.

    peer_keeping_relay.py LISTENER RECORD PEAKS SECONDS

LISTENER is the descriptor of a listening socket, which outlives this process. The Message-ID of each message is on
disk in RECORD before its 250; how many connections there are that the other side has not closed is added to PEAKS
whenever one begins. Each answer to a message takes SECONDS, half of them before the message is on disk.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
import time
from typing import BinaryIO


class Store:
    """The two files, and the connections."""

    def __init__(self, record: str, peaks: str) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._record = os.open(record, flags)
        self._peaks = os.open(peaks, flags)
        self._lock = threading.Lock()
        self._open = select.poll()
        self._count = 0

    def keep(self, message: bytes) -> None:
        """Put the message on disk."""
        token = message.partition(b"Message-ID: <")[2].partition(b"@")[0]
        os.write(self._record, token + b"\n")
        os.fsync(self._record)

    def begin(self, sock: socket.socket) -> None:
        """A connection began. Of others, the end may have come already, and wait behind what is not yet read."""
        with self._lock:
            self._open.register(sock, select.POLLRDHUP)
            self._count += 1
            os.write(self._peaks, b"%d\n" % (self._count - len(self._open.poll(0))))

    def end(self, sock: socket.socket) -> None:
        """A connection is about to be closed."""
        with self._lock:
            self._open.unregister(sock)
            self._count -= 1


def serve(sock: socket.socket, store: Store, delay: float) -> None:
    """One connection."""
    with sock:
        store.begin(sock)
        try:
            with sock.makefile("rb") as lines:
                _talk(sock, lines, store, delay)
        except OSError:
            pass
        finally:
            store.end(sock)


def _talk(sock: socket.socket, lines: BinaryIO, store: Store, delay: float) -> None:
    sock.sendall(b"220 keeping.example.org ESMTP\r\n")
    while line := lines.readline():
        verb, *arguments = line.upper().split()
        if verb == b"EHLO":
            reply = b"250-keeping.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 CHUNKING"
        elif verb == b"BDAT":
            size = int(arguments[0])
            message = lines.read(size)
            if len(message) < size:
                return
            time.sleep(delay / 2)
            store.keep(message)
            time.sleep(delay / 2)
            reply = b"250 2.0.0 Kept"
        else:
            reply = b"221 2.0.0 Bye" if verb == b"QUIT" else b"250 2.0.0 OK"
        sock.sendall(reply + b"\r\n")


def main() -> None:
    """Serve until killed."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    listener.setblocking(True)  # gevent's sockets are not
    store = Store(sys.argv[2], sys.argv[3])
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve, args=(sock, store, float(sys.argv[4])), daemon=True).start()


if __name__ == "__main__":
    main()
