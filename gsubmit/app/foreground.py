"""A server that is one process: until a signal ends it."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import gevent
from gevent.event import Event

from gsubmit.app import failures, notify, process
from gsubmit.app.server import Server
from gsubmit.logs import output
from gsubmit.settings.sections import Settings
from gsubmit.watch.answers import Command, Commands
from gsubmit.watch.commands import commands_of
from gsubmit.watch.control import Control
from gsubmit.watch.stats import stats
from gsubmit.watch.web import shown

_log = logging.getLogger("gsubmit")


def run(server: Server, load_again: Callable[[], Settings] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then stop gently. SIGHUP takes the settings of `load_again`, or stops too."""
    process.take_all_descriptors()
    failures.log_all()
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    if load_again is None:
        gevent.signal_handler(signal.SIGHUP, stop.set)
    else:
        gevent.signal_handler(signal.SIGHUP, _reload, server, load_again)
    gevent.signal_handler(signal.SIGUSR1, output.look_soon)
    server.start()
    commands = commands_of(server.door, lambda: server.service)
    with _answering(server, commands), _shown(server, commands):
        _log.info("%s", _status(server))
        notify.ready(_status(server))
        if interval := notify.watchdog_interval():
            gevent.spawn(_keep_watchdog, interval)
        server.log_faults()
        stop.wait()
        notify.stopping()
        server.stop()
    _log.info("stopped")


def _shown(server: Server, commands: Commands) -> AbstractContextManager[None]:
    """Pages about it are shown meanwhile, if there is a port for them."""
    return shown([one.sock for one in server.metrics], lambda: server.service.settings, server.board, commands)


@contextmanager
def _answering(server: Server, commands: dict[str, Command]) -> Iterator[None]:
    """Who asks at the control socket is answered meanwhile."""
    if server.control is None:
        yield
        return
    control = Control(server.control.sock, commands | {"stats": partial(stats, server.board)})
    control.start()
    try:
        yield
    finally:
        control.close()
        server.control.close()


def _reload(server: Server, load_again: Callable[[], Settings]) -> None:
    notify.reloading()
    server.reload(load_again)
    notify.ready(_status(server))


def _status(server: Server) -> str:
    return f"serving on {', '.join(server.places)}"


def _keep_watchdog(interval: float) -> None:
    while True:
        notify.alive()
        gevent.sleep(interval)
