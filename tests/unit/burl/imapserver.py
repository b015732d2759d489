"""The fake IMAP server of the transcripts, for tests that hold its client themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import gevent

from gsubmit.burl.fetcher import Fetcher
from gsubmit.burl.resolver import FetcherPool
from gsubmit.net.imappool import Pool, Who
from gsubmit.settings.burl import ImapServerSettings
from tests.harness import escapes
from tests.harness.fakeimap import FakeImap
from tests.harness.imapscript import TOKEN, ImapScript, Step, action
from tests.harness.relayscript import EVERY_OTHER, Hears, Says

SECONDS = 5.0
NOTHING: Mapping[str, Any] = MappingProxyType({})
SUBMIT = Who("submit", "s3cret")


@dataclass
class Kept:
    """A sink that takes so many octets."""

    room: int | None = None
    octets: bytearray = field(default_factory=bytearray)

    def take(self, content: bytes) -> None:
        self.octets += content
        if self.room is not None:
            self.room -= len(content)


def steps(*lines: str) -> list[Step]:
    """`> text`, `< text` or an action, as transcripts have them after `I`."""
    made: list[Step] = []
    for line in lines:
        mark, _, text = line.partition(" ")
        if mark == ">":
            made.append(Hears(escapes.pattern(text), text))
        elif mark == "<":
            made.append(Says(escapes.line(text)))
        else:
            made.append(action(line))
    return made


@contextmanager
def imap_server(*lines: str, others: tuple[str, ...] = ()) -> Iterator[FakeImap]:
    """`lines` are its first connection, `others` the ones after it."""
    server = FakeImap(ImapScript(connections={1: steps(*lines), EVERY_OTHER: steps(*others)}))
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def pool(
    server: FakeImap, settings: Mapping[str, Any] = NOTHING, *, max_connections: int = 10, seconds: float = SECONDS
) -> Iterator[FetcherPool]:
    there = ImapServerSettings(host="127.0.0.1", port=server.port, **settings)
    made = Pool(Fetcher, there, None, seconds, max_connections)
    try:
        yield made
    finally:
        made.close()


def plain_url(server: FakeImap) -> str:
    return server.names.written_out(b"{plain}").decode()


def submit_url(server: FakeImap, access: str = "submit+user") -> str:
    return f"{plain_url(server)};URLAUTH={access}:INTERNAL:{TOKEN}"


def eventually(is_so: Callable[[], bool]) -> bool:
    """Whether it becomes so, within a time that is long for this machine."""
    for _ in range(100):
        if is_so():
            return True
        gevent.sleep(0.01)
    return False


def has_ended(server: FakeImap, number: int) -> bool:
    """Whether the client has left the connection with this number, the first being 1."""
    return eventually(lambda: len(server.talks) >= number and server.talks[number - 1].sock.fileno() == -1)
