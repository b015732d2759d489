"""What `service metrics` shows, in whichever process that is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from socket import socket

import gevent

from gsubmit.metrics.board import Board
from gsubmit.settings.sections import Settings
from gsubmit.watch.answers import BadRequest, Commands
from gsubmit.watch.exposition import Exposition
from gsubmit.watch.health import Health
from gsubmit.watch.history import EVERY, History
from gsubmit.watch.http import Http
from gsubmit.watch.page import StatusPage


@contextmanager
def shown(
    sockets: Sequence[socket], settings: Callable[[], Settings], board: Board, commands: Commands
) -> Iterator[None]:
    """Whoever asks at these sockets, which listen, is shown the pages meanwhile; then they are closed.

    `commands` are what those that serve can be asked; nothing of `failures`, `probe` and `who` is needed.
    """

    def probe() -> None:
        with suppress(BadRequest):
            list(commands["probe"]({"command": "probe"}) if "probe" in commands else ())

    if not sockets:
        yield
        return
    history, health = History(board), Health(board, probe)
    pages = {
        "/": StatusPage(settings, board, history, health, commands).page,
        "/healthz": health.page,
        "/metrics": Exposition(board).page,
    }
    servers = [Http(sock, pages) for sock in sockets]
    looking = gevent.spawn(_look_on, history, health)
    for server in servers:
        server.start()
    try:
        yield
    finally:
        looking.kill()
        for server in servers:
            server.stop(timeout=0)


def _look_on(history: History, health: Health) -> None:
    """For ever."""
    while True:
        time.sleep(EVERY)
        history.sample()
        health.look()
