"""CPU time of processes, their memory, and the CPU that one has for itself."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SCHEDULED = 2  # of a process's clock: all CPU time, to the nanosecond (clock_getcpuclockid(3))


def cpu_seconds(leader: int) -> float:
    """What the processes of a session have used so far, and their children that have ended: these to 10 ms."""
    used = 0.0
    for folder, fields in _session(leader):
        with suppress(OSError):  # it has ended
            used += time.clock_gettime(~int(folder.name) << 3 | _SCHEDULED)
            used += sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")
    return used


def memory(leader: int) -> float:
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


def descriptors(leader: int) -> int:
    """How many the processes of a session have open."""
    return sum(len(list((folder / "fd").iterdir())) for folder, _ in _session(leader))


@contextmanager
def on_its_own_cpu(leader: int) -> Iterator[None]:
    """The processes of a session on one CPU, we and what we start from now on on another one."""
    ours = os.sched_getaffinity(0)
    cpus = sorted(ours)
    for folder, _ in _session(leader):
        for thread in (folder / "task").iterdir():
            os.sched_setaffinity(int(thread.name), {cpus[0]})
    os.sched_setaffinity(0, {cpus[-1]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


class Group:
    """A group of the kernel's (cgroups(7)) that counts what all its processes use, also those that have ended.

    Whoever may not make one has none, and `cpu_seconds` is None.
    """

    def __init__(self, name: str) -> None:
        self._home = Path("/sys/fs/cgroup/cpuacct")
        if not self._home.is_dir():
            self._home = Path("/sys/fs/cgroup")
        self._folder = self._home / f"gsubmit-bench-{name}-{os.getpid()}"
        with suppress(OSError):
            self._folder.mkdir()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What is started within is in it, with all that it starts itself."""
        before = self._join(self._folder)
        try:
            yield
        finally:
            if before:
                self._join(self._home)

    def _join(self, folder: Path) -> bool:
        try:
            (folder / "cgroup.procs").write_text(str(os.getpid()))
        except OSError:
            return False
        return True

    @property
    def cpu_seconds(self) -> float | None:
        """What they have used so far."""
        with suppress(OSError):
            return int((self._folder / "cpuacct.usage").read_text()) / 1e9
        with suppress(OSError):
            return int((self._folder / "cpu.stat").read_text().split()[1]) / 1e6
        return None

    def close(self) -> None:
        """Once all have ended."""
        with suppress(OSError):
            self._folder.rmdir()
