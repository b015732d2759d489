"""Clients that submit all the time, and what became of each of their messages."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import gevent

from tests.harness.peer_bdat import Client
from tests.harness.peer_gsubmit import Gsubmit
from tests.harness.peer_sink import Sink

A_SESSION = 3  # messages
_TEXT = "From: <sender@example.org>\r\nSubject: {}\r\n\r\nThis is message {}.\r\n"


@dataclass
class Load:
    """What was seen so far."""

    accepted: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)  # the connection was lost, or 421 came: it may have gone out or not
    refused: list[str] = field(default_factory=list)  # connections that were not taken at all
    lost: int = 0  # connections
    is_over: bool = False
    _count: int = 0

    def submit_all_the_time(self, server: Gsubmit) -> None:
        """One client after the other, until it is over."""
        while not self.is_over:
            try:
                with Client(server) as client:
                    for _ in range(A_SESSION):
                        self._submit(client)
            except (ConnectionRefusedError, smtplib.SMTPConnectError) as error:
                self.refused.append(repr(error))
            except (OSError, smtplib.SMTPException):
                self.lost += 1

    def _submit(self, client: Client) -> None:
        self._count += 1
        name = f"load-{self._count}."
        self.unknown.add(name)
        code, _ = client.submit(_TEXT.format(name, name).encode())
        if code == 250:
            self.accepted.add(name)
        if code // 100 != 4 or code == 451:
            self.unknown.discard(name)

    def faults(self, relay: Sink) -> list[str]:
        """Messages that were accepted and are not at the relay, and those that are there more than once."""
        arrived: dict[str, int] = {}
        for message in relay.messages:
            (subject,) = (line for line in message.decode().splitlines() if line.startswith("Subject: "))
            name = subject.partition(" ")[2]
            if name.startswith("load-"):
                arrived[name] = arrived.get(name, 0) + 1
        lost = [f"{name} is lost" for name in sorted(self.accepted - arrived.keys())]
        return lost + [f"{name} came {count} times" for name, count in arrived.items() if count > 1]


@contextmanager
def load(server: Gsubmit, clients: int = 6) -> Iterator[Load]:
    """So many clients at the same time; after the block they have come to an end."""
    seen = Load()
    greenlets = [gevent.spawn(seen.submit_all_the_time, server) for _ in range(clients)]
    try:
        yield seen
    finally:
        seen.is_over = True
        gevent.joinall(greenlets, timeout=60, raise_error=True)
