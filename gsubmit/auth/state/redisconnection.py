"""Connections to Redis: few, to where our own name lookup says, with our own TLS, and never waited for long."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from redis import VERSION, BlockingConnectionPool, Connection, UnixDomainSocketConnection
from redis.backoff import NoBackoff
from redis.retry import Retry

from gsubmit.net.dial import connect
from gsubmit.settings.stateurl import StateUrl

CONNECT_TIME = 0.5  # seconds
ANSWER_TIME = 0.3
MAX_CONNECTIONS = 8


class _Connection(Connection):
    """By TCP, where a name is looked up as all others are."""

    def __init__(self, *, context: ssl.SSLContext | None, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._context = context

    def _connect(self) -> socket.socket:
        sock = connect(self.host, self.port, CONNECT_TIME)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                sock.settimeout(CONNECT_TIME)
                sock = self._context.wrap_socket(sock, server_hostname=self.host)
            sock.settimeout(ANSWER_TIME)
        except BaseException:
            sock.close()
            raise
        return sock


def connections_to(url: StateUrl, context: ssl.SSLContext | None) -> BlockingConnectionPool:
    """A pool that connects when it is first asked, and tries nothing twice."""
    options: dict[str, Any] = {
        "db": url.db,
        "username": url.user or None,
        "password": url.password or None,
        "socket_timeout": ANSWER_TIME,
        "retry": Retry(NoBackoff(), 0),
    }
    if VERSION >= (5,):  # the one before, Debian's, has neither
        options |= {"socket_connect_timeout": CONNECT_TIME, "protocol": 2}
    if url.path:
        options |= {"connection_class": UnixDomainSocketConnection, "path": url.path}
    else:
        options |= {"connection_class": _Connection, "host": url.host, "port": url.port, "context": context}
    options |= {"max_connections": MAX_CONNECTIONS, "timeout": ANSWER_TIME}
    return BlockingConnectionPool(**options)  # type: ignore[no-untyped-call]
