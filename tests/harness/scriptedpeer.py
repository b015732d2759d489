"""What the servers have in common that tests are before: who listens, serves each connection, and hangs up."""

from __future__ import annotations

import socket
import struct
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Protocol

import gevent

from tests.harness.ports import free_port

RECEIVE_BUFFER = 16384  # octets; small, so that a large message waits for a server that does not read
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class HungUp(Exception):
    """The end of a connection, after `begun` of a message; `hard` is without a goodbye of TCP."""

    def __init__(self, begun: bytes = b"", *, hard: bool = False) -> None:
        super().__init__()
        self.begun = begun
        self.hard = hard


class Conversation(Protocol):
    """One connection; `sock` may become one with TLS."""

    sock: socket.socket

    def converse(self) -> None:
        """All of it. Raises HungUp, and OSError when the client has gone."""


@dataclass
class ScriptedPeer(ABC):
    """Listens; each connection is a conversation in a greenlet of its own."""

    host: str = field(default="127.0.0.1", init=False)
    port: int = field(default=0, init=False)
    _listeners: list[socket.socket] = field(default_factory=list, init=False)
    _conversations: list[Conversation] = field(default_factory=list, init=False)
    _greenlets: list[gevent.Greenlet[..., None]] = field(default_factory=list, init=False)

    def listen(self, listener: socket.socket) -> None:
        """Serve who connects there; `port` is its port, if it has one."""
        if listener.family != socket.AF_UNIX:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            self.port = int(listener.getsockname()[1])
        self._listeners.append(listener)
        self._greenlets.append(gevent.spawn(self._accept, listener))

    def listen_on(self, address: str) -> None:
        """Serve on a unix socket, or on an address and the port that the others have: one that is free on all."""
        if address.startswith("/"):
            self.listen(socket.create_server(address, family=socket.AF_UNIX))
            return
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listen(socket.create_server((address, self.port or free_port()), family=family))

    def stop(self) -> None:
        """End all connections, and the listening."""
        gevent.killall(self._greenlets)
        for conversation in self._conversations:
            conversation.sock.close()  # one that was killed before it began has not
        for listener in self._listeners:
            listener.close()

    @abstractmethod
    def conversation(self, sock: socket.socket) -> Conversation:
        """With a client that has just come."""

    def _accept(self, listener: socket.socket) -> None:
        while True:
            sock, _ = listener.accept()
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._conversations.append(self.conversation(sock))
            self._greenlets.append(gevent.spawn(_run, self._conversations[-1]))


def _run(conversation: Conversation) -> None:
    try:
        conversation.converse()
    except HungUp as end:
        if end.hard:
            conversation.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    except OSError:
        pass  # the other side is gone
    finally:
        conversation.sock.close()
