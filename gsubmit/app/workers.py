"""The processes that serve, as their master has them: who there is, and when others are to be made."""

from __future__ import annotations

import logging
import secrets
import signal
import time
from dataclasses import dataclass, field, replace
from functools import partial

from gsubmit.app.forking import Signals, fork, tell
from gsubmit.app.link import Link, Pipes
from gsubmit.app.restarts import Restarts
from gsubmit.app.shared import Shared
from gsubmit.app.sockets import Bound, close_all
from gsubmit.app.worker import serve
from gsubmit.auth.state.statefile import StateFile
from gsubmit.metrics.board import MAX_ROWS
from gsubmit.settings.sections import Settings

LOOK_EVERY = 10.0  # seconds between looks whether event loops turn; each worker notes it every second (ticker.py)
MOST_MISSES = 6  # looks, not seconds: after a pause of the whole machine all have missed as much as the master
_log = logging.getLogger("gsubmit")


@dataclass(eq=False, slots=True)
class Generation:
    """What workers serve by. It is established when as many as there shall be have served at the same time."""

    settings: Settings
    bound: list[Bound]
    metrics: list[Bound]  # the watcher's
    others: list[Bound] = field(default_factory=list)  # of the generation before, and not its own
    state: StateFile | None = None  # of logins
    # Not that of the generation before: what was checked of a client by its settings holds as long as a ticket.
    ticket_secret: bytes = field(default_factory=partial(secrets.token_bytes, 32), repr=False)
    is_established: bool = False

    def serve(self, link: Link, shared: Shared, number: int) -> int:
        """In a process of its own: serve until the end; the exit code."""
        close_all([*self.others, *self.metrics])  # a port of old settings is closed when all who have it close it
        own = replace(shared, state=self.state, ticket_secret=self.ticket_secret, number=number)
        return serve(self.settings, self.bound, link, own)

    @property
    def sockets(self) -> list[Bound]:
        """All of them."""
        return [*self.bound, *self.metrics]

    @property
    def size(self) -> int:
        """How many workers there shall be."""
        return self.settings.services.workers


@dataclass(slots=True)
class Worker:
    """A process that serves, or is about to."""

    number: int  # the lowest that was free
    generation: Generation
    since: float = field(default_factory=time.monotonic)
    is_ready: bool = False
    last_beat: float = 0.0  # of its event loop, when we looked
    misses: int = 0  # looks in a row that found no later one


class Workers:
    """All of them, by process id, and what they have in common.

    Those that are made have nothing of `signals`, and their end of `pipes`.
    """

    def __init__(self, signals: Signals, pipes: Pipes, shared: Shared) -> None:
        self._shared = shared
        self._signals = signals
        self._pipes = pipes
        self._workers: dict[int, Worker] = {}
        self._restarts = Restarts()
        self._look_at = 0.0  # (monotonic)

    def __len__(self) -> int:
        return len(self._workers)

    def get(self, child: int) -> Worker | None:
        """The one with this process id."""
        return self._workers.get(child)

    def make(self, generation: Generation) -> None:
        """One more, now or when there can be."""
        taken = {worker.number for worker in self._workers.values()}
        number = next(number for number in range(len(taken) + 1) if number not in taken)
        if number >= MAX_ROWS:
            _log.error("cannot make a process: there are %d, and some of an earlier reload have not ended", MAX_ROWS)
            self._restarts.failed()
            return
        link, shared = self._pipes.link, self._shared
        shared.board.prepare(number)
        try:
            child = fork(lambda: generation.serve(link, shared, number), self._signals, self._pipes.of_master)
        except OSError as error:
            _log.error("cannot make a process: %s", error.strerror)
            self._restarts.failed()
        else:
            self._workers[child] = Worker(number, generation)

    def make_due(self, generation: Generation) -> None:
        """Those whose time has come."""
        for _ in range(self._restarts.take()):
            self.make(generation)

    @property
    def next_due(self) -> list[float]:
        """When others are to be made, or those that are there looked at (monotonic)."""
        return [*self._restarts.due, self._look_at]

    def make_no_more(self) -> None:
        """Nobody is to be made any longer."""
        self._restarts.due.clear()

    def are_ready(self, generation: Generation) -> bool:
        """Whether all that are to serve by these settings do."""
        ready = [worker for worker in self._workers.values() if worker.is_ready and worker.generation is generation]
        return len(ready) >= generation.size

    def bury(self, child: int) -> Worker | None:
        """One has ended, if it was one."""
        worker = self._workers.pop(child, None)
        if worker is not None:
            self._shared.board.clear_gauges(worker.number)
            self._shared.logins.connections.clear(worker.number)
        return worker

    def replace(self, worker: Worker) -> None:
        """Make another for one that has ended; later if those that are made do not live long."""
        self._restarts.ended(worker.since)

    def look(self) -> None:
        """Kill those whose event loop has stood still for a minute, or never turned: who is connected waits in vain."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_EVERY
        for child, worker in self._workers.items():
            beat = self._shared.board.last_beat(worker.number)
            worker.misses = worker.misses + 1 if beat == worker.last_beat else 0
            worker.last_beat = beat
            if worker.misses >= MOST_MISSES:
                _log.error("worker %d (process %d) does nothing any more: it is killed", worker.number, child)
                tell(child, signal.SIGKILL)

    def tell_all(self, number: signal.Signals) -> None:
        """Send all of them a signal."""
        for child in self._workers:
            tell(child, number)

    def tell_others(self, generation: Generation, number: signal.Signals) -> None:
        """Send it to all of other generations."""
        for child, worker in self._workers.items():
            if worker.generation is not generation:
                tell(child, number)
