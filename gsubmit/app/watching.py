"""The watcher as its master has it: one process, made again when it has ended, and when settings have changed."""

from __future__ import annotations

import logging
import signal
import time

from gsubmit.app import loading, watcher
from gsubmit.app.controlsocket import bind_control
from gsubmit.app.forking import Signals, fork, tell
from gsubmit.app.link import Pipes
from gsubmit.app.restarts import Restarts
from gsubmit.app.shared import Shared
from gsubmit.app.sockets import close_all
from gsubmit.app.workers import Generation
from gsubmit.watch.place import Place

_log = logging.getLogger("gsubmit")


class Watching:
    """Processes that it makes have nothing of `signals`, and their end of `pipes`."""

    def __init__(self, signals: Signals, pipes: Pipes, shared: Shared) -> None:
        self._signals = signals
        self._pipes = pipes
        self._shared = shared
        self._generation: Generation | None = None
        self._place: Place | None = None
        self._child = 0
        self._since = 0.0
        self._restarts = Restarts()

    def watch(self, generation: Generation) -> None:
        """Have a watcher by these settings from now on. What it has seen is kept where they are the same as before."""
        before, self._generation = self._generation, generation
        settings = generation.settings
        if before is not None and before.settings == settings:
            return
        if before is None or before.settings.server.base_dir != settings.server.base_dir or self._place is None:
            if self._place is not None:
                self._place.close()
            self._place = bind_control(settings)
        self._end()
        self._make()

    def _make(self) -> None:
        generation, place = self._generation, self._place
        assert generation is not None
        if place is None and not generation.metrics:
            return

        def serve() -> int:
            close_all([*generation.bound, *generation.others])
            sock = place.sock if place is not None else None
            return watcher.serve(generation.settings, sock, generation.metrics, self._pipes.link, self._shared.board)

        try:
            self._child = fork(serve, self._signals, self._pipes.of_master)
        except OSError as error:
            _log.error("cannot make a process: %s", error.strerror)
            self._restarts.failed()
        else:
            self._since = time.monotonic()

    @property
    def next_due(self) -> list[float]:
        """When another is to be made (monotonic)."""
        return self._restarts.due

    def make_due(self) -> None:
        """If its time has come."""
        if self._restarts.take():
            self._make()

    def bury(self, child: int, code: int) -> None:
        """A process has ended; if it was the watcher, another is to be made."""
        if child == self._child:
            _log.error("watcher (process %d): %s", child, loading.ending(code))
            self._child = 0
            self._restarts.ended(self._since)

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._child:
            tell(self._child, number)

    def _end(self) -> None:
        """It is not needed any longer, or another one is."""
        self.tell(signal.SIGTERM)
        self._child = 0
        self._restarts.due.clear()

    def close(self) -> None:
        """The end of the server."""
        self._end()
        if self._place is not None:
            self._place.close()
