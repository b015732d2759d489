"""CPU time of a process, and the CPU that it has for itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """User and system time that the process has used so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
