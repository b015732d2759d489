"""Processes that ask one SharedState at the same time, as `python -m`: `contend` PATH or `kill` PATH."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from gsubmit.auth.state.shared import SharedState
from tests.unit.auth.state.states import HERE

MOST = 3
TURNS = 1500
ROUNDS = 15


def contend(path: Path) -> None:
    """Enter and leave at random; prints from when to when each connection was certainly counted."""
    state, since = SharedState(path), []
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(TURNS):
        if state.enter("tim", HERE, MOST):
            since.append(time.monotonic())
        if since and random.random() < 0.6:
            print(since.pop(), time.monotonic())
            state.leave("tim", HERE)
    while since:
        print(since.pop(), time.monotonic())
        state.leave("tim", HERE)


def kill(path: Path) -> None:
    """Processes that write are killed one after the other; prints what is counted then."""
    for number in range(ROUNDS):
        child = os.fork()
        if not child:
            _write(path)
        time.sleep(random.uniform(0.01, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        state = SharedState(path)
        had = state.connections
        state.forget_process(child)
        print(had, state.connections, state.enter("tom", HERE, number + 1), flush=True)
        state.close()


def _write(path: Path) -> None:
    state = SharedState(path)
    for number in range(1_000_000):
        state.enter("tim", HERE, 0)
        state.failed(f"192.0.2.{number % 250}", 0, "tim", str(number))
        state.succeeded(HERE, f"tim{number}")
        state.refused(f"tim{number}", of_others=True)


if __name__ == "__main__":
    {"contend": contend, "kill": kill}[sys.argv[1]](Path(sys.argv[2]))
