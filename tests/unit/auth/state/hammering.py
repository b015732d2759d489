"""Processes that have one SharedState at the same time, as `python -m`: `contend`, `kill` or `tell` PATH."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from gsubmit.auth.state.memory import StateMemory
from gsubmit.auth.state.shared import SharedState
from tests.unit.auth.state.states import HERE

MOST = 3
TURNS = 1500
ROUNDS = 15


def contend(path: Path) -> None:
    """Two processes enter and leave at random; they print from when to when each connection was certainly counted."""
    memory = StateMemory()
    row = 1 if os.fork() else 0
    state, since, spans = SharedState(path, memory, row), [], []
    for _ in range(TURNS):
        if state.enter("tim", HERE, MOST):
            since.append(time.monotonic())
        if since and random.random() < 0.6:
            spans.append((since.pop(), time.monotonic()))
            state.leave("tim", HERE)
    while since:
        spans.append((since.pop(), time.monotonic()))
        state.leave("tim", HERE)
    if row:
        os.wait()
        print("left" if all(state.enter("tim", HERE, MOST) for _ in range(MOST)) else "not all have left")
    for begin, end in spans:
        print(begin, end)


def kill(path: Path) -> None:
    """Processes that write are killed one after the other.

    Prints whether there is room for one more, before and after that was noticed, and a level that grows by one.
    """
    memory = StateMemory()
    for number in range(ROUNDS):
        child = os.fork()
        if not child:
            _write(SharedState(path, memory, 1))
        time.sleep(random.uniform(0.01, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        state = SharedState(path, memory)
        before = state.enter("tim", HERE, 1)
        memory.connections.clear(1)
        after = state.enter("tim", HERE, 1)
        state.leave("tim", HERE)
        state.failed("198.51.100.1", 0, "tim", str(number))
        print(before, after, state.level("198.51.100.1"), flush=True)
        state.close()


def tell(path: Path) -> None:
    """What one process is told, another knows at once; prints what it knows."""
    memory = StateMemory()
    state = SharedState(path, memory)
    state.succeeded(HERE, "joe")
    child = os.fork()
    if not child:
        other = SharedState(path, memory, 1)
        other.failed(HERE, 0, "joe", "x")
        other.succeeded(HERE, "tom")
        other.enter("tim", HERE, 0)
        os._exit(0)
    os.waitpid(child, 0)
    print(state.level(HERE, "joe"), state.level(HERE, "tom"), state.knows(HERE, "joe"), state.knows(HERE, "tom"))
    print(state.enter("tim", HERE, 1))


def _write(state: SharedState) -> None:
    for number in range(1_000_000):
        state.enter("tim", HERE, 0)
        state.failed(f"192.0.2.{number % 250}", 0, "tim", str(number))
        state.succeeded(HERE, f"tim{number}")
        state.refused(f"tim{number}", of_others=True)


if __name__ == "__main__":
    {"contend": contend, "kill": kill, "tell": tell}[sys.argv[1]](Path(sys.argv[2]))
