"""smtp-sink as relay: Postfix's own test server, which writes each message into a file."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.harness.peer_process import HOST, program, public_folder, running
from tests.harness.ports import free_ports

MAX_SESSIONS = "100"
USER = "nobody"


@dataclass(frozen=True)
class Sink:
    """A relay that takes everything. Its files have LF line ends, and fields of its own in front."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def messages(self) -> list[bytes]:
        """What came so far; a message that is coming counts."""
        return dumped(self.folder)


def dumped(folder: Path) -> list[bytes]:
    """The messages that sinks have written into the folder. One that never ends is removed, perhaps while we look."""
    messages = []
    for path in sorted(folder.glob("dump.*")):
        with suppress(FileNotFoundError):
            messages.append(path.read_bytes())
    return messages


@contextmanager
def sink_folder() -> Iterator[Path]:
    """A folder that sinks can write to, after dropping their privileges."""
    with public_folder("sink") as folder:
        if os.getuid() == 0:
            shutil.chown(folder, USER)
        yield folder


@contextmanager
def sink(*options: str, dump: bool = True) -> Iterator[Sink]:
    """Run a smtp-sink."""
    with sink_folder() as folder, sink_in(folder, free_ports(1)[0], *options, dump=dump) as relay:
        yield relay


@contextmanager
def sink_in(folder: Path, port: int, *options: str, dump: bool = True) -> Iterator[Sink]:
    """Run a smtp-sink on a port of the caller's choice, for instance one where another has died."""
    user = ["-u", USER] if os.getuid() == 0 else []
    files = ["-d", f"{folder}/dump."] if dump else []
    arguments = [program("smtp-sink"), *user, *options, *files, f"{HOST}:{port}", MAX_SESSIONS]
    with running(arguments, folder / "log", [port]) as process:
        yield Sink(folder, port, process)
