"""The process that operators ask, made by a master and killed, with workers that it finds again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gsubmit.watch.client import NoAnswer, ask
from gsubmit.watch.lines import Object
from gsubmit.watch.link import ControlLink
from tests.harness.peer_process import children
from tests.unit.watch.asking import count, until

MASTER = """
import sys
import gsubmit_cli
from gsubmit.app import watcher
from gsubmit.app.controlsocket import bind_control
from gsubmit.app.forking import Signals, await_end, fork
from gsubmit.app.link import Pipes
from gsubmit.settings.load import load_text

settings = load_text(sys.argv[1]).settings
place = bind_control(settings)
signals, pipes = Signals(), Pipes()
while True:
    await_end(fork(lambda: watcher.serve(settings, place.sock, pipes.link), signals, pipes.of_master))
"""


@contextmanager
def master(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    log = folder / "log"
    settings = f"base_dir = {folder}/run\nlog_path = {log}\nssl = no\n"
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
