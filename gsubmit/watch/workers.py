"""The workers that have connected to the control socket, and one question to all of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock
from typing import NamedTuple

from gsubmit.watch.answers import END, BadRequest
from gsubmit.watch.lines import BadLine, Lines, Object

ANSWER_TIME = 3.0  # seconds for all workers together


class Worker(NamedTuple):
    """A process that serves clients."""

    number: int
    pid: int

    def __str__(self) -> str:
        return f"worker {self.number} (pid {self.pid})"


@dataclass(eq=False)
class _Asked:
    """The connection of a worker, and what it has said; None is the end of it."""

    lines: Lines
    said: SimpleQueue[Object | None] = field(default_factory=SimpleQueue)

    def answer(self, deadline: float) -> list[Object]:
        """One whole answer. Raises TimeoutError, and BadRequest where the worker cannot do it."""
        objects: list[Object] = []
        while True:
            try:
                one = self.said.get(timeout=max(deadline - time.monotonic(), 0))
            except Empty:
                raise TimeoutError from None
            if one is None:
                raise TimeoutError
            if one == END:
                return objects
            if "error" in one:
                raise BadRequest(one["error"])
            objects.append(one)


class Workers:
    """One question at a time. Who does not answer it is left out, and has to connect again."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._links: dict[Worker, _Asked] = {}
        self._lost: set[Worker] = set()  # those whose connection has gone: they hang, or have ended

    def __len__(self) -> int:
        return len(self._links)

    def serve(self, hello: Object, lines: Lines) -> None:
        """Hear a worker that has said who it is, until it goes. Raises BadLine."""
        number, pid = hello.get("worker"), hello.get("pid")
        if not (isinstance(number, int) and isinstance(pid, int)):
            raise BadLine("a worker says its number and its pid")
        worker, link = Worker(number, pid), _Asked(lines)
        if worker in self._links:
            self._lose(worker)
        self._links[worker] = link
        self._lost.discard(worker)
        try:
            while (said := lines.read()) is not None:
                link.said.put(said)
        finally:
            link.said.put(None)
            if self._links.get(worker) is link:
                self._lose(worker)

    def ask(self, request: Object) -> Iterator[Object]:
        """What all workers answer, and a warning for each that is left out. Raises BadRequest."""
        return self._ask(request, slice(None))

    def ask_newest(self, request: Object) -> Iterator[Object]:
        """The same of the one that has connected last: it serves by the newest settings."""
        return self._ask(request, slice(-1, None))

    def _ask(self, request: Object, which: slice) -> Iterator[Object]:
        with self._lock:
            deadline = time.monotonic() + ANSWER_TIME
            asked = sorted([*self._links.items()][which])
            for _, link in asked:
                with suppress(OSError):  # its end is heard below
                    link.lines.write([request])
            answers: list[Object] = []
            refusal: BadRequest | None = None
            for worker, link in asked:
                try:
                    answers += link.answer(deadline)
                except BadRequest as bad:
                    refusal = bad
                except TimeoutError:
                    if self._links.get(worker) is link:
                        self._lose(worker)
        if refusal is not None:
            raise refusal
        yield from answers
        self._lost = {worker for worker in self._lost if _lives(worker.pid)}
        for worker in sorted(self._lost):
            yield {"warning": f"{worker} does not answer, and is left out"}

    def _lose(self, worker: Worker) -> None:
        self._links.pop(worker).lines.close()
        self._lost.add(worker)


def _lives(pid: int) -> bool:
    """Whether it is a process, and one of ours."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError, OverflowError):
        return False
    return True
