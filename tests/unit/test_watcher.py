"""The process that operators ask, made by a master and killed, with workers that it finds again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from gsubmit.watch.client import NoAnswer, ask
from gsubmit.watch.lines import Object
from gsubmit.watch.link import ControlLink
from tests.harness.peer_process import children
from tests.harness.ports import free_port
from tests.unit.watch.asking import count, until

MASTER = """
import sys
import gsubmit_cli
from gsubmit.app import watcher
from gsubmit.app.controlsocket import bind_control
from gsubmit.app.forking import Signals, await_end, fork
from gsubmit.app.link import Pipes
from gsubmit.app.sockets import bind_metrics
from gsubmit.metrics.board import Board
from gsubmit.settings.load import load_text

settings = load_text(sys.argv[1]).settings
place, metrics = bind_control(settings), bind_metrics(settings)
sock = place and place.sock
signals, pipes, board = Signals(), Pipes(), Board()
board.take(3)
while True:
    work = lambda: watcher.serve(settings, sock, metrics, pipes.link, board)
    await_end(fork(work, signals, pipes.of_master))
"""


@contextmanager
def master(folder: Path, settings: str = "") -> Iterator[subprocess.Popen[bytes]]:
    log = folder / "log"
    settings = f"base_dir = {folder}/run\nlog_path = {log}\nssl = no\n{settings}\n"
    with subprocess.Popen([sys.executable, "-c", MASTER, settings]) as process:
        try:
            yield process
        finally:
            process.kill()


def watcher_of(process: subprocess.Popen[bytes], before: int = 0) -> int:
    until(lambda: set(children(process.pid)) - {before})
    return children(process.pid)[0]


def answers(folder: Path) -> list[Object] | str:
    try:
        return ask(str(folder / "run"), {"command": "who", "up_to": 2})
    except NoAnswer as no:
        return str(no)


@pytest.mark.slow
def test_it_lives_and_dies_without_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.watch.link.DELAYS", (0.1,))
    link = ControlLink(str(tmp_path / "run"), 3, {"who": count})
    link.start()
    expected = [{"number": 0}, {"number": 1}]
    with master(tmp_path) as process:
        until(lambda: answers(tmp_path) == expected)
        killed = watcher_of(process)
        os.kill(killed, signal.SIGKILL)
        assert isinstance(answers(tmp_path), list)  # who asks meanwhile waits for the next one
        until(lambda: answers(tmp_path) == expected)
        stopped = watcher_of(process, killed)
        os.kill(stopped, signal.SIGTERM)
        until(lambda: watcher_of(process, stopped) and answers(tmp_path) == expected)
        left = watcher_of(process, stopped)
        process.kill()
        process.wait()
        until(lambda: not Path(f"/proc/{left}").exists())
        assert "any more: nobody answers at" in str(answers(tmp_path))
    link.close()
    assert (tmp_path / "log").read_text().count("Error") == 1  # the master has gone


@pytest.mark.slow
@pytest.mark.parametrize("base_dir", ["{folder}/run", ""], ids=["and answers", "only"])
def test_it_shows_the_figures(tmp_path: Path, base_dir: str) -> None:
    port = free_port()
    text = f"service metrics {{\n  inet_listener http {{\n    port = {port}\n  }}\n}}\n"
    with master(tmp_path, f"base_dir = {base_dir.format(folder=tmp_path)}\n{text}") as process:
        killed = watcher_of(process)
        assert "\ngsubmit_workers 1.0\n" in page(port)
        os.kill(killed, signal.SIGKILL)
        until(lambda: watcher_of(process, killed))
        assert "\ngsubmit_workers 1.0\n" in page(port)
        if base_dir:
            first, *series = ask(str(tmp_path / "run"), {"command": "stats"})
            assert first["workers"] == 1
            [started] = re.findall(r"^gsubmit_start_time_seconds (\S+)$", page(port), re.MULTILINE)
            assert float(started) == first["started"] < time.time()  # the master's, and no watcher's
            assert len(series) > 50


def page(port: int) -> str:
    """What is shown, as soon as somebody does."""
    found: list[str] = []

    def is_shown() -> bool:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            found.append(answer.read().decode())
        return bool(found)

    until(is_shown)
    return found[0]
