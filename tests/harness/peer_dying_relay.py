"""A relay that kills itself once it has read so many octets. A program: it runs as a process of its own.

    peer_dying_relay.py LISTENER OCTETS RECORD

LISTENER is the descriptor of a listening socket, which outlives this process; the Message-ID of each message whose
end has come is added to the file RECORD before its reply. Octets are counted over all connections. 0: never.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from pathlib import Path

READ = 4096  # octets at a time: the body is still on its way when we die


class Session:
    """One connection of the relay's client."""

    def __init__(self, sock: socket.socket, life: Life) -> None:
        self._sock = sock
        self._life = life
        self._buffer = bytearray()

    def run(self) -> None:
        self._say("220 dying.example.org ESMTP")
        while line := self._line():
            verb, *arguments = line.upper().split()
            if verb == b"EHLO":
                self._say("250-dying.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 " + self._life.extension)
            elif verb == b"DATA":
                self._say("354 Go ahead")
                self._take(self._until(b"\r\n.\r\n"))
            elif verb == b"BDAT":
                self._take(self._exactly(int(arguments[0])))
            else:
                self._say("221 Bye" if verb == b"QUIT" else "250 2.0.0 OK")

    def _take(self, message: bytes) -> None:
        self._life.record(message)
        self._life.spend(0)
        self._say("250 2.0.0 Taken")

    def _line(self) -> bytes:
        return self._until(b"\r\n").strip()

    def _until(self, end: bytes) -> bytes:
        searched = 0
        while (found := self._buffer.find(end, searched)) < 0:
            searched = max(len(self._buffer) - len(end), 0)
            self._read()
        return self._exactly(found + len(end))

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._read()
        octets = bytes(self._buffer[:size])
        del self._buffer[:size]
        return octets

    def _read(self) -> None:
        octets = self._sock.recv(READ)
        if not octets:
            sys.exit()  # ends this thread
        self._life.spend(len(octets))
        self._buffer += octets

    def _say(self, reply: str) -> None:
        self._sock.sendall(reply.encode() + b"\r\n")


class Life:
    """How long we live, and what is left of us. A record that is due at death is written before it."""

    def __init__(self, octets: int, record: Path) -> None:
        self._left = octets
        self._is_mortal = octets > 0
        self._record = record
        self.extension = "CHUNKING" if octets % 2 else "SIZE"

    def spend(self, octets: int) -> None:
        """Die when it is too much."""
        self._left -= octets
        if self._is_mortal and self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def record(self, message: bytes) -> None:
        """Note a message that is ours now."""
        token = message.partition(b"Message-ID: <")[2].partition(b"@")[0]
        with self._record.open("ab", buffering=0) as file:
            file.write(token + b"\n")


def main() -> None:
    """Serve until the end."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    listener.setblocking(True)  # gevent's sockets are not
    life = Life(int(sys.argv[2]), Path(sys.argv[3]))
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=Session(sock, life).run, daemon=True).start()


if __name__ == "__main__":
    main()
