"""The process that operators ask, and that asks those that serve clients, for a master that made it."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from socket import socket

from gevent.event import Event

from gsubmit.app import failures, process
from gsubmit.app.link import Link, begin
from gsubmit.app.sockets import Bound
from gsubmit.app.worker import RETIRE
from gsubmit.logs import output
from gsubmit.metrics.board import Board
from gsubmit.settings.sections import Settings
from gsubmit.watch.answers import Command
from gsubmit.watch.commands import commands_of_workers
from gsubmit.watch.control import Control
from gsubmit.watch.stats import stats
from gsubmit.watch.web import shown
from gsubmit.watch.workers import Workers


def serve(settings: Settings, sock: socket | None, metrics: Sequence[Bound], link: Link, board: Board) -> int:
    """Answer at the control socket, if there is one, and show pages about the board at the ports of `metrics`.

    Until the master says otherwise, or is no more; the exit code.
    """
    stop = Event()
    begin("gsubmit-watcher", dict.fromkeys((signal.SIGTERM, RETIRE), stop.set))
    user = process.internal_user(settings)
    output.configure(settings.logging, owner=process.owner(user))
    process.become(user)
    failures.log_all()
    link.spawn_watch(stop)
    with ExitStack() as serving:
        commands: dict[str, Command] = {}
        if sock is not None:
            workers = Workers()
            commands = commands_of_workers(workers)
            control = Control(sock, commands | {"stats": partial(stats, board)}, workers)
            control.start()
            serving.callback(control.close)
        serving.enter_context(shown([one.sock for one in metrics], lambda: settings, board, commands))
        link.report()
        stop.wait()
    return os.EX_OK
