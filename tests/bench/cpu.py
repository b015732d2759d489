"""CPU time of processes, their memory, and the CPU that one has for itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """User and system time that the process has used so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def session_cpu_seconds(leader: int) -> float:
    """What the processes of a session have used so far, and their children that have ended."""
    return sum(sum(map(int, fields[11:15])) for _, fields in _session(leader)) / os.sysconf("SC_CLK_TCK")


def session_memory(leader: int) -> float:
    """KB that the processes of a session have; of what is shared with others, their part."""
    rollups = [(folder / "smaps_rollup").read_text() for folder, _ in _session(leader)]
    return sum(int(rollup.partition("\nPss:")[2].split()[0]) for rollup in rollups)


def _session(leader: int) -> Iterator[tuple[Path, list[str]]]:
    """Their folders in /proc, and what stands behind the name in `stat`."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                yield stat.parent, fields


@contextmanager
def on_its_own_cpu(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """The process on one CPU, we and what we start from now on on another one."""
    ours = os.sched_getaffinity(0)
    cpus = sorted(ours)
    for thread in Path(f"/proc/{process.pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {cpus[0]})
    os.sched_setaffinity(0, {cpus[-1]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)
