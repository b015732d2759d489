"""Real programs: found or missed, started in a folder of their own, ended by their process id."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import NoReturn, TypeVar

import pytest

HOST = "127.0.0.1"
TIMEOUT = 20.0  # seconds for anything that is expected to happen; generous, CI machines are slow
QUIET = 0.06  # seconds; a few times of what the server's threads wait from one look at their work to the next
_SYSTEM_FOLDERS = ":/usr/sbin:/sbin"

Found = TypeVar("Found")


def program(name: str) -> str:
    """The program's path. Without it the test is skipped, or fails where nothing may be missing (CI=true)."""
    path = shutil.which(name, path=os.environ["PATH"] + _SYSTEM_FOLDERS)
    if path is None:
        missing(f"{name} is not installed")
    return path


def missing(what: str) -> NoReturn:
    """End the test because of something that this machine does not have."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, and CI=true")
    pytest.skip(what)


def need_root() -> None:
    """Postfix, Dovecot and mounts need root."""
    if os.getuid() != 0:
        missing("not root")


@contextmanager
def public_folder(prefix: str) -> Iterator[Path]:
    """A temporary folder that servers which drop their privileges can enter; pytest's own is for root only."""
    folder = Path(mkdtemp(prefix=f"gsubmit-{prefix}-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def eventually(what: str, find: Callable[[], Found], timeout: float = TIMEOUT) -> Found:
    """The first true value of `find`; a file that it reads may come later too."""
    end = time.monotonic() + timeout
    while True:
        with suppress(FileNotFoundError):
            if found := find():
                return found
        if time.monotonic() > end:
            pytest.fail(f"{what} did not happen within {timeout:g} s")
        time.sleep(0.02)


def answers(port: int) -> bool:
    """Whether somebody listens on the port."""
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True


@contextmanager
def running(
    arguments: Sequence[str | Path], log: Path, ports: Sequence[int] = (), environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a session of its own, its output in `log`; serving on `ports` when the block begins, ended after it."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=log.parent,
            env={**os.environ, **(environ or {})},
        )
    try:
        for port in ports:
            eventually(f"{arguments[0]} on port {port}", lambda port=port: _serves(process, port, log))  # type: ignore[misc]
        yield process
    finally:
        end(process)


def _serves(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    if process.poll() is not None:
        pytest.fail(f"ended with {process.returncode} at the start:\n{log.read_text(errors='replace')}")
    return answers(port)


def children(process: int, name: str = "") -> list[int]:
    """The processes, of that name if there is one, that this one has made and that have not ended."""
    words = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [child for child in map(int, words) if _lives_as(child, name)]


def _lives_as(process: int, name: str) -> bool:
    try:
        front, _, rest = Path(f"/proc/{process}/stat").read_text().rpartition(")")
    except FileNotFoundError:
        return False
    return name in ("", front.partition("(")[2]) and rest.split()[0] != "Z"


@dataclass(frozen=True)
class Runs:
    """How a program was started, and its process: for those who kill it, and start it again."""

    arguments: Sequence[str | Path]
    log: Path
    ports: Sequence[int]
    environ: Mapping[str, str] | None
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """SIGKILL, to all that it has started too."""
        _signal_group(self.process, signal.SIGKILL)
        self.process.wait(10)

    def again(self) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """Another process in its place."""
        return running(self.arguments, self.log, self.ports, self.environ)


def settle(process: int, timeout: float = 2.0) -> None:
    """Wait until the process and those that it has made had nothing to do for a moment, as far as timeout goes.

    Whatever was left to another thread, as the lines of a log are, has been done then, however slow the machine is.
    """
    end = time.monotonic() + timeout
    before: object = None
    while (now := _switches(process)) is None or now != before:
        if time.monotonic() > end:
            return
        before = now
        time.sleep(QUIET)


def _switches(process: int) -> list[str] | None:
    """How often each thread but the first ones had a processor (those have timers); None while any of them wants it."""
    switches = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for each in (process, *children(process)):
            for thread in Path(f"/proc/{each}/task").iterdir():
                status = (thread / "status").read_text()
                if status.partition("\nState:\t")[2][:1] in "RD":  # it runs, would if it could, or waits for a disk
                    return None
                if thread.name != str(each):
                    switches.append(f"{thread.name} {status.partition('voluntary_ctxt_switches')[2]}")
    return switches


@contextmanager
def hanging(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """What `running` has started does nothing within the block; connections to it can be made."""
    _signal_group(process, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal_group(process, signal.SIGCONT)


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, some patience, SIGKILL; also to what it started in its session."""
    _signal_group(process, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        _signal_group(process, signal.SIGKILL)
        process.wait(10)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)  # its own session: the group has its process id
    except ProcessLookupError:
        process.poll()
