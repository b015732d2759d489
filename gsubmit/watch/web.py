"""What `service metrics` shows, in whichever process that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from socket import socket

from gsubmit.metrics.board import Board
from gsubmit.watch.exposition import Exposition
from gsubmit.watch.http import Http


@contextmanager
def shown(sockets: Iterable[socket], board: Board) -> Iterator[None]:
    """Whoever asks at these sockets, which listen, is shown the figures meanwhile; then they are closed."""
    pages = {"/metrics": Exposition(board).page}
    servers = [Http(sock, pages) for sock in sockets]
    for server in servers:
        server.start()
    try:
        yield
    finally:
        for server in servers:
            server.stop(timeout=0)
