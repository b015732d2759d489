"""Files that the system keeps for all programs, read with care: anything may stand there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

State = tuple[int, ...] | None  # what changes when a file does; None when there is none


def read(path: Path, limit: int) -> bytes:
    """The first `limit` octets. Raises OSError, also for what is no regular file: a pipe would be waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        octets = bytearray()
        while len(octets) < limit and (block := os.read(descriptor, limit - len(octets))):
            octets += block
        return bytes(octets)
    finally:
        os.close(descriptor)


def state_of(path: Path) -> State:
    """To be compared with a later one."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
