"""What stands between gsubmit and an IMAP server, and cuts the connection at a certain step of a copy; once."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import gevent

from tests.harness.peer_process import HOST

REFUSING = 0.6  # seconds after the cut in which nobody gets through
SIZE = 30_000  # octets of a message, more than goes without the server's go-ahead
STEPS = ("before LIST", "before APPEND", "in the literal", "before the tagged OK", "before UID EXPUNGE")


def _has(command: bytes, octets: bytes) -> bool:
    """Whether one of these lines is that command, whatever else the words stand for."""
    return bool(re.search(rb"^[A-Z]*[0-9]+ " + command + b" ", octets, re.MULTILINE))


@dataclass
class Cutter:
    """At its `step` it calls `then` and closes: what came last has not been passed on, in the literal half of it has."""

    step: str
    to: int
    port: int = 0
    then: Callable[[], None] = lambda: None
    has_cut: bool = False
    _is_shut: bool = False
    _greenlets: list[gevent.Greenlet[..., None]] = field(default_factory=list)

    def serve(self, listener: socket.socket) -> None:
        while True:
            client, _ = listener.accept()
            if self._is_shut:
                client.close()
                continue
            try:
                server = socket.create_connection((HOST, self.to))
            except ConnectionRefusedError:  # it was killed
                client.close()
                continue
            appending: list[int] = []
            self._greenlets.append(gevent.spawn(self._pump, client, server, appending, True))
            self._greenlets.append(gevent.spawn(self._pump, server, client, appending, False))

    def _pump(self, source: socket.socket, target: socket.socket, appending: list[int], is_client: bool) -> None:
        try:
            with suppress(OSError):
                while octets := source.recv(65536):
                    if not self.has_cut and self._is_there(octets, appending, is_client):
                        self.has_cut = True
                        if self.step == "in the literal":
                            target.sendall(octets[: len(octets) // 2])
                        self._shut()
                        return
                    target.sendall(octets)
        finally:
            source.close()
            target.close()

    def _is_there(self, octets: bytes, appending: list[int], is_client: bool) -> bool:
        """Whether these octets are the step; `appending` counts what was sent since APPEND on this connection."""
        if not is_client:
            return self.step == "before the tagged OK" and bool(re.search(rb" OK (\[APPENDUID|.*Append)", octets))
        if appending or _has(b"APPEND", octets):
            appending.append(len(octets))
        match self.step:
            case "before LIST" | "before APPEND" | "before UID EXPUNGE":
                return _has(self.step.removeprefix("before ").encode(), octets)
            case "in the literal":
                return len(appending) > 1
        return False

    def _shut(self) -> None:
        self._is_shut = True
        self.then()
        gevent.spawn_later(REFUSING, self._open)

    def _open(self) -> None:
        self._is_shut = False

    def stop(self) -> None:
        gevent.killall(self._greenlets)


@contextmanager
def cutter(step: str, to: int) -> Iterator[Cutter]:
    """One in front of that port."""
    way = Cutter(step, to)
    with socket.create_server((HOST, 0)) as listener:
        way.port = listener.getsockname()[1]
        accepting = gevent.spawn(way.serve, listener)
        try:
            yield way
        finally:
            accepting.kill()
            way.stop()


def message(name: str, *, message_id: str | None = None, bcc: bool = False, size: int = 0) -> bytes:
    """A message whose Message-ID is made of its name, or is another one; empty for none."""
    words = {None: f"Message-ID: <{name}@example.org>\r\n", "": ""}
    shown = words.get(message_id, f"Message-ID: <{message_id}@example.org>\r\n")
    header = f"From: <user@example.org>\r\nTo: <rcpt@example.net>\r\n{shown}Subject: {name}\r\n"
    header += "Bcc: <secret@example.net>\r\n" if bcc else ""
    header += "Date: Fri, 27 Nov 2026 12:00:00 +0000\r\n"
    body = "\r\n".join(["x" * 70] * (size // 72)) + "\r\n"
    return f"{header}\r\nText of {name}.\r\n{body}".encode()
