"""A Redis of our own: Debian's program, with its data in memory only."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from redis import Redis

from gsubmit.settings.stateurl import StateUrl
from tests.harness.peer_process import HOST, answers, eventually, missing, public_folder, running
from tests.harness.ports import free_port

_OPTIONS = ("--save", "", "--appendonly", "no", "--bind", HOST)


@dataclass(frozen=True)
class RedisServer:
    """One that runs, or can be started again at its place."""

    folder: Path
    port: int
    options: Sequence[str]

    @property
    def url(self) -> StateUrl:
        return StateUrl(host=HOST, port=self.port)

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    def ask(self) -> Redis:
        """What a test wants to know of it."""
        return Redis(HOST, self.port)

    def run(self) -> AbstractContextManager[Popen[bytes]]:
        program = _program(self.folder)
        places = ("--port", str(self.port), "--unixsocket", str(self.socket), "--dir", str(self.folder))
        return running([program, *_OPTIONS, *places, *self.options], self.folder / "log", [self.port])


def _program(folder: Path) -> str:
    """Debian's redis-server, or what it is a link to."""
    path = shutil.which("redis-server") or shutil.which("valkey-server")
    if path is not None:
        return path
    whole = shutil.which("redis-check-rdb")
    if whole is None:
        missing("redis-server and redis-tools are not installed")
    link = folder / "redis-server"
    if not link.is_symlink():
        link.symlink_to(whole)
    return str(link)


@contextmanager
def redis_place(*options: str) -> Iterator[RedisServer]:
    """Where one can be run."""
    with public_folder("redis") as folder:
        yield RedisServer(folder, free_port(), options)


@contextmanager
def redis_server(*options: str) -> Iterator[RedisServer]:
    """One that runs for as long as the block."""
    with redis_place(*options) as server, server.run():
        yield server


def killed(server: RedisServer, process: Popen[bytes]) -> None:
    """Without a word to anybody."""
    process.kill()
    process.wait(10)
    eventually("the end of Redis", lambda: not answers(server.port))
