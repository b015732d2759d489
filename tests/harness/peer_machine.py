"""A machine to install things on: the files of this one, its changes to them thrown away, its own network and its own systemd."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.harness.peer_clients import Ran, run
from tests.harness.peer_process import children, eventually, missing, need_root, program, public_folder, running

SYSTEMD = "/lib/systemd/systemd"
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"  # and no Python but the system's
_DEVICES = "null zero full random urandom tty"

_JOIN = 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"'
# What the kernel has but once can only be read there: parameters, modules, the time.
_BOOT = f"""
mount --make-rprivate /
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
cd "$1/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm .before
for name in {_DEVICES}; do : > dev/$name; mount --bind /dev/$name dev/$name; done
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ip link set lo up
rm -f usr/sbin/policy-rc.d
pivot_root . .before
umount -l .before
rmdir .before
exec env -i container=other PATH={_PATH} setpriv --bounding-set -sys_module,-sys_time,-sys_boot \\
  {SYSTEMD} --unit=sysinit.target
"""


class Machine(NamedTuple):
    """One that has booted."""

    init: int  # the process id of its systemd
    changes: Path  # the files that differ from this machine's

    def path(self, name: str) -> Path:
        """A file of it, by its absolute name there."""
        return Path(f"/proc/{self.init}/root{name}")

    def attempt(self, *command: str, content: bytes = b"") -> Ran:
        """Run a command there, which has no terminal."""
        enter = [program("nsenter"), f"--target={self.init}", "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup"]
        return run([*enter, "env", "-i", f"PATH={_PATH}", "LANG=C.UTF-8", *command], content=content)

    def run(self, *command: str, content: bytes = b"") -> str:
        """The same, which has to succeed: what it prints."""
        ran = self.attempt(*command, content=content)
        assert ran.code == 0, f"{command}: {ran.output}"
        return ran.output.strip()


@contextmanager
def machine() -> Iterator[Machine]:
    """Boot one, and let nothing of it stay."""
    need_root()
    program(SYSTEMD)
    program("ip")
    with public_folder("machine") as folder, _cgroup() as cgroup:
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()
        spaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child"]
        boot = [program("unshare"), *spaces, "sh", "-ec", _BOOT, "sh", str(folder)]
        log = folder / "log"
        with running(["sh", "-ec", _JOIN, "sh", str(cgroup), *boot], log) as process:
            booting = eventually("the first process", lambda: process.poll() is not None or children(process.pid))
            if booting is True:
                missing(f"no machine can be made: {log.read_text()}")
            (init,) = children(process.pid)
            made = Machine(init, folder / "upper")
            try:
                eventually("the boot", lambda: _is_up(made, log))
                yield made
            finally:
                os.kill(init, signal.SIGKILL)  # and with it all others
                process.wait(10)


def _is_up(made: Machine, log: Path) -> bool:
    if not Path(f"/proc/{made.init}").exists():
        missing(f"no machine can be made: {log.read_text()}")
    if Path(f"/proc/{made.init}/comm").read_text() != "systemd\n":
        return False
    return made.attempt("systemctl", "is-system-running").output.strip() in ("running", "degraded")


@contextmanager
def _cgroup() -> Iterator[Path]:
    """A cgroup of its own for it, removed with those that it has made."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    folders = [Path(folder) for folder, kind in mounts if kind == "cgroup2"]
    if not folders:
        missing("no cgroups of version 2")
    cgroup = folders[0] / f"gsubmit-{os.getpid()}"
    cgroup.mkdir()
    try:
        yield cgroup
    finally:
        for folder, _, _ in os.walk(cgroup, topdown=False):
            eventually(f"the end of {folder}", lambda folder=folder: _is_removed(folder))  # type: ignore[misc]


def _is_removed(folder: str) -> bool:
    """Processes that were killed may have to end first."""
    try:
        os.rmdir(folder)
    except OSError:
        return False
    return True


def copied(file: Path, made: Machine) -> str:
    """Put a file there; its name there."""
    shutil.copy(file, made.path("/run"))
    return f"/run/{file.name}"
