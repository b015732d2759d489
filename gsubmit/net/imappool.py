"""Connections to one IMAP server: opened with care, kept for a while, never more than there may be."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from gsubmit.net.imap import ImapClient, ImapFault, LoginRefused, SaidNo, Slow
from gsubmit.net.slots import Slots

MAX_IDLE = 60.0  # seconds; servers close after 30 minutes (RFC 3501 5.4), users have few sessions each
MAX_KEPT = 20  # idle connections


class NoConnection(ImapFault):
    """The server cannot be reached, or not be spoken to."""


class ImapServer(Protocol):
    """Where a server is, and whether it gets TLS: no, starttls or imaps."""

    @property
    def host(self) -> str:
        """Its name or address."""

    @property
    def port(self) -> int:
        """Its TCP port."""

    @property
    def ssl(self) -> str:
        """What TLS it gets."""


S = TypeVar("S", bound=ImapServer)
C = TypeVar("C", bound=ImapClient)


@dataclass(frozen=True)
class Who:
    """As whom we log in; `is_users_own` with the password that a client has lent us, for this once.

    With a `mechanism` for tokens, `password` is its first response, which holds one.
    """

    user: str
    password: str = field(repr=False)
    authorization_id: str = ""
    is_users_own: bool = False
    mechanism: str = ""


class Pool(Generic[C, S]):
    """All connections to a server. Whoever takes one gives it back by leaving the `with` block."""

    def __init__(
        self,
        client: type[C],
        server: S,
        context: ssl.SSLContext | None,
        seconds: float,
        max_connections: int,
        slots: Slots | None = None,
    ) -> None:
        """`client` is what connections are.

        `seconds`: for opening one, all of it, and for a slot; `slots` are those of `max_connections`.
        """
        self.server = server
        self._client = client
        self._context = context
        self.connect_time = seconds
        self._limit = max_connections
        self._slots = slots or Slots(max_connections)
        self._slots.when_fewer = self._make_room
        self._is_closed = False
        self._idle: list[tuple[Who, float, C]] = []  # the one used last at the end

    @property
    def busy(self) -> int:
        """How many slots are taken."""
        return self._slots.busy

    @property
    def idle_count(self) -> int:
        """How many connections are kept that nobody uses."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return self._slots.waiting

    @contextmanager
    def connection(self, who: Who, *, new: bool = False) -> Iterator[C]:
        """A connection that is logged in. It is kept if the block ends, or ends with SaidNo."""
        if not self._slots.take(self.connect_time):
            raise NoConnection(f"all {self._limit} connections are busy")
        try:
            client = None if new else self._kept(who)
            if client is None:
                self._make_room()
                client = self.open(who)
            is_sound = False
            try:
                yield client
                is_sound = True
            except SaidNo:
                is_sound = True  # the server has said so in good order; after anything else, half an answer may wait
                raise
            finally:
                if is_sound and not who.is_users_own:
                    self._keep(who, client)
                elif is_sound:
                    client.leave()
                else:
                    client.shutdown()
        finally:
            self._slots.give_back()

    def open(self, who: Who) -> C:
        """A new connection, logged in. Raises NoConnection, Slow or LoginRefused."""
        server = self.server
        first = self._context if server.ssl == "imaps" else None
        try:
            client = self._client(server.host, server.port, first, self.connect_time)
        except Slow as slow:
            raise NoConnection(slow.reason) from None
        except ImapFault as fault:
            raise NoConnection(fault.reason) from None
        try:
            with client.begun(self.connect_time):
                if server.ssl == "starttls":
                    assert self._context is not None
                    client.go_over_to_tls(self._context)
                if who.mechanism:
                    client.log_in_by_token(who.mechanism, who.password)
                else:
                    client.log_in(who.user, who.password, who.authorization_id)
                client.learn()
        except BaseException as error:
            client.shutdown()
            if isinstance(error, ImapFault) and not isinstance(error, LoginRefused):
                raise NoConnection(error.reason) from None
            raise
        return client

    def _kept(self, who: Who) -> C | None:
        """An idle connection of this user that lives."""
        now = time.monotonic()
        while self._idle and now - self._idle[0][1] > MAX_IDLE:
            self._idle.pop(0)[2].leave()
        for place in range(len(self._idle) - 1, -1, -1):
            if self._idle[place][0] == who:
                client = self._idle.pop(place)[2]
                if client.is_silent():
                    return client
                client.shutdown()
        return None

    def _make_room(self) -> None:
        """Idle connections go first where there may not be as many."""
        while self._idle and self._slots.busy + len(self._idle) > self._slots.limit:
            self._idle.pop(0)[2].leave()

    def give_way(self) -> None:
        """Let other processes have connections that are not needed here."""
        self._slots.give_way()

    def _keep(self, who: Who, client: C) -> None:
        if self._is_closed:
            client.leave()
            return
        client.has_served = True
        self._idle.append((who, time.monotonic(), client))
        if len(self._idle) > MAX_KEPT:
            self._idle.pop(0)[2].leave()

    def close(self) -> None:
        """Leave the server; connections in use are closed when they come back."""
        self._is_closed = True
        self._slots.share = 0
        while self._idle:
            self._idle.pop()[2].leave()
