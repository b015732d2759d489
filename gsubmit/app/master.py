"""The master: binds the ports, makes the processes that serve, and replaces those that end. It serves nobody itself.

It has no event loop. It stays root, if root has started it: at a reload keys are read and ports are bound again.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import time
from typing import NamedTuple

from gsubmit.app import loading, notify, process
from gsubmit.app.build import CannotStart
from gsubmit.app.forking import Signals, ended, fork
from gsubmit.app.link import Pipes
from gsubmit.app.loading import Load, Reader
from gsubmit.app.server import STOP_TIME
from gsubmit.app.shared import Shared
from gsubmit.app.sockets import Bound, bind_all, bind_metrics, close_all, open_all
from gsubmit.app.watching import Watching
from gsubmit.app.worker import RETIRE
from gsubmit.app.workers import Generation, Worker, Workers
from gsubmit.auth.state.statefile import StateFile, make_state_file
from gsubmit.logs import output
from gsubmit.settings.sections import Settings

KILL_TIME = STOP_TIME + 5.0  # seconds from SIGTERM until what has not ended is killed
READING_TIME = 60.0  # seconds for reading a configuration
LONG = 3600.0  # seconds to wait when nothing is due
_log = logging.getLogger("gsubmit")


class Reading(NamedTuple):
    """A process that reads the configuration, what it works with, and when it has to have ended (monotonic)."""

    child: int
    reader: Reader
    end: float


class Master:
    """Binds the ports of `settings`, and reads them again with `load`. Raises CannotStart."""

    def __init__(self, settings: Settings, load: Load) -> None:
        self._signals = Signals()  # who can connect may send some
        generation, warnings = _bound(settings)
        _configure_log(settings)
        generation.state = _state_file(settings)
        self._load = load
        self._now = self._before = generation  # the last one is what a failed reload goes back to
        self._reading: Reading | None = None
        self._reads_again = False
        self._killing_at = 0.0  # 0 unless it stops
        self._failure = ""
        for warning in warnings:
            _log.warning("%s", warning)
        process.take_all_descriptors()
        self._pipes = Pipes()
        shared = Shared()
        self._workers = Workers(self._signals, self._pipes, shared)
        self._watching = Watching(self._signals, self._pipes, shared)
        self._systemd = notify.Herald()

    def run(self) -> None:
        """Until SIGTERM or SIGINT. Raises CannotStart when the first workers cannot serve."""
        gc.freeze()  # what is there now is the same in all processes, and stays so
        self._watching.watch(self._now)
        self._make_workers()
        while self._workers or not self._killing_at:
            if not self._killing_at:
                self._systemd.tell(self._is_settled, self._status)
            signals, files = self._signals.wait([self._pipes.reports], self._next_due() - time.monotonic())
            if files:
                self._hear_reports()
            self._bury()
            for number in signals:
                self._hear(signal.Signals(number))
            self._do_what_is_due()
        self._watching.close()
        for file in {self._now.state, self._before.state}:
            if file is not None:
                file.remove()
        _log.info("stopped")
        self._signals.close()
        if self._failure:
            raise CannotStart(self._failure)

    def _hear(self, number: signal.Signals) -> None:
        if number == signal.SIGHUP:
            self._reads_again = True
        elif number == signal.SIGUSR1:
            output.look_soon()
            self._workers.tell_all(signal.SIGUSR1)
            self._watching.tell(signal.SIGUSR1)
        elif number != signal.SIGCHLD:
            self._stop()

    @property
    def _is_settled(self) -> bool:
        """No reload is under way or wanted."""
        return self._now.is_established and self._reading is None and not self._reads_again

    @property
    def _status(self) -> str:
        places = ", ".join(f"{one.name} port {one.place[1]}" for one in self._now.bound)
        return f"serving on {places}: {self._now.size} workers"

    # Time

    def _next_due(self) -> float:
        """When there is something to do, whatever is heard until then."""
        if self._killing_at:
            return self._killing_at
        moments = [time.monotonic() + LONG, self._systemd.due, *self._workers.next_due, *self._watching.next_due]
        if self._reading is not None:
            moments.append(self._reading.end)
        return min(moments)

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        if self._killing_at:
            if now >= self._killing_at:
                self._killing_at = now + KILL_TIME
                self._workers.tell_all(signal.SIGKILL)
            return
        if self._reading is not None and now >= self._reading.end:
            os.kill(self._reading.child, signal.SIGKILL)
        self._workers.look()
        self._workers.make_due(self._now)
        self._watching.make_due()
        if self._reads_again and self._reading is None and self._now.is_established:
            self._reads_again = False
            self._read()

    # Workers

    def _make_workers(self) -> None:
        for _ in range(self._now.size):
            self._workers.make(self._now)

    def _hear_reports(self) -> None:
        """A worker serves, or says why it cannot."""
        for line in self._pipes.read():
            child, _, why = line.partition(" ")
            worker = self._workers.get(int(child))
            if worker is None:  # the watcher, or one that has ended meanwhile
                continue
            worker.is_ready = not why
            if worker.generation is not self._now:
                continue
            if why:
                self._cannot_serve(why)
            elif not self._now.is_established:
                self._establish()

    def _establish(self) -> None:
        """Once all workers of a generation serve, those before it retire."""
        if not self._workers.are_ready(self._now):
            return
        self._now.is_established = True
        self._watching.watch(self._now)
        if self._now is self._before:
            _log.info("%s", self._status)
        else:
            self._workers.tell_others(self._now, RETIRE)
            close_all(self._now.others)
            self._before = self._now
            _log.info("settings reloaded")
        for fault in process.running_faults(self._now.settings):
            _log.warning("%s", fault)

    def _cannot_serve(self, why: str) -> None:
        """These settings are of no use, or not at the moment."""
        if self._now.is_established or self._killing_at:
            _log.error("a worker cannot serve: %s", why)
        elif self._now is self._before:
            self._failure = why
            self._stop()
        else:
            _log.error("reload: %s; the old settings stay", why)
            failed, self._now = self._now, self._before
            self._workers.tell_others(self._now, signal.SIGTERM)
            close_all(_missing_in(self._now.sockets, failed))
            _configure_log(self._now.settings)

    def _bury(self) -> None:
        """Notice who has ended, and see to it that there are enough."""
        for child, code in ended():
            if self._reading is not None and child == self._reading.child:
                self._take_reading(code)
            elif (worker := self._workers.bury(child)) is not None:
                self._replace(child, worker, code)
            else:
                self._watching.bury(child, code)

    def _replace(self, child: int, worker: Worker, code: int) -> None:
        is_wanted = worker.generation is self._now and not self._killing_at
        if code or is_wanted:
            _log.error("worker %d (process %d): %s", worker.number, child, loading.ending(code))
        if not is_wanted:
            return
        if not self._now.is_established:
            self._cannot_serve(f"a worker has ended: {loading.ending(code)}")
            return
        self._workers.replace(worker)

    # Reload and end

    def _read(self) -> None:
        reader = Reader(self._load)
        settings = self._now.settings

        def work() -> int:
            _configure_log(settings)
            return reader.work()

        try:
            child = fork(work, self._signals, self._pipes.of_master)
        except OSError as error:
            _log.error("reload: %s", error.strerror)
            return
        self._reading = Reading(child, reader, time.monotonic() + READING_TIME)

    def _take_reading(self, code: int) -> None:
        """Make workers that serve by what was read, if it can be served by."""
        assert self._reading is not None
        outcome = self._reading.reader.outcome(code)
        self._reading = None
        loading.log(outcome, "reload: ")
        if outcome.settings is None or self._killing_at:
            return
        try:
            generation, warnings = _bound(outcome.settings, self._before)
            _configure_log(outcome.settings)
        except (CannotStart, OSError) as error:
            _log.error("reload: %s", error)
            return
        for warning in warnings:
            _log.warning("%s", warning)
        generation.state = _state_file(outcome.settings, self._before.state)
        self._now = generation
        self._workers.make_no_more()
        self._make_workers()

    def _stop(self) -> None:
        """Gently; what still lives after a while is killed."""
        if self._killing_at:
            return
        notify.stopping()
        self._killing_at = time.monotonic() + KILL_TIME
        self._workers.make_no_more()
        self._workers.tell_all(signal.SIGTERM)
        for generation in {self._now, self._before}:
            close_all(generation.sockets)


def _bound(settings: Settings, before: Generation | None = None) -> tuple[Generation, list[str]]:
    """With ports of its own, or those of the generation before; and what there is to warn of. Raises CannotStart."""
    bound, warnings = bind_all(settings, before.bound) if before is not None else open_all(settings)
    generation = Generation(settings, bound, [])
    try:
        generation.metrics = bind_metrics(settings, before.metrics if before is not None else ())
    except CannotStart:
        close_all(generation.sockets if before is None else _missing_in(before.sockets, generation))
        raise
    if before is not None:
        generation.others = _missing_in(generation.sockets, before)
    return generation, warnings


def _missing_in(sockets: list[Bound], generation: Generation) -> list[Bound]:
    """The sockets that only that generation has."""
    others = {one.sock for one in sockets}
    return [one for one in generation.sockets if one.sock not in others]


def _state_file(settings: Settings, before: StateFile | None = None) -> StateFile | None:
    """What all workers know of logins: still the same after a reload, unless they become another user."""
    owner = process.owner(process.internal_user(settings))
    if before is not None and before.owner == owner:
        return before
    try:
        return make_state_file(owner)
    except OSError as error:
        _log.error("each worker counts logins and connections by itself: %s", error)
        return None


def _configure_log(settings: Settings) -> None:
    output.configure(settings.logging, owner=process.owner(process.internal_user(settings)))
