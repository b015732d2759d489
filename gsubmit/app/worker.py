"""A process that serves clients, beside others like it, for a master that made it."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Sequence

import gevent
from gevent.event import Event

from gsubmit.app import failures
from gsubmit.app.build import CannotStart
from gsubmit.app.link import Link, begin
from gsubmit.app.server import Server
from gsubmit.app.shared import Shared
from gsubmit.app.sockets import Bound
from gsubmit.settings.problem import SettingsError
from gsubmit.settings.sections import Settings
from gsubmit.watch.commands import commands_of
from gsubmit.watch.link import ControlLink

RETIRE = signal.SIGUSR2  # what the master says when others serve in its place
_log = logging.getLogger("gsubmit")


def serve(settings: Settings, bound: Sequence[Bound], link: Link, shared: Shared) -> int:
    """Serve until the master says otherwise, or is no more; the exit code."""
    stop, retire = Event(), Event()
    begin("gsubmit-worker", {signal.SIGTERM: stop.set, RETIRE: retire.set})
    try:
        shared.board.take(shared.number)
        server = Server(settings, bound, shared)
    except (CannotStart, SettingsError, OSError) as error:
        link.report(str(error))
        return os.EX_CONFIG
    failures.log_all()
    link.spawn_watch(stop)
    server.service.logins.state.forget_refusals()  # the settings may be new, and have the right password
    server.start()
    if settings.server.base_dir:
        commands = commands_of(server.door, lambda: server.service)
        ControlLink(settings.server.base_dir, shared.number, commands).start()
    link.report()
    gevent.wait([stop, retire], count=1)
    if not stop.is_set():
        retiring = gevent.spawn(server.retire, settings.server.shutdown_clients)
        retiring.link(lambda _: stop.set())
        stop.wait()
    server.stop()  # if there is anything left
    return os.EX_OK
