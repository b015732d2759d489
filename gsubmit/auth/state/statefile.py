"""Where the state that workers share lies: a folder that only they can enter, for as long as one of them lives."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder within it is made private
PREFIX = "gsubmit-state-"


class StateFile:
    """The file and its folder, held by the process that made it and by those that it forks.

    It is opened by others only: SQLite must not be carried over a fork, nor read by root what its owner has written.
    """

    def __init__(self, folder: Path, descriptor: int, owner: tuple[int, int] | None = None) -> None:
        self.path = folder / "state"
        self.owner = owner
        self._descriptor = descriptor  # locked: a folder that nobody has locked was left behind

    def remove(self) -> None:
        """At the end: nobody uses it any more."""
        shutil.rmtree(self.path.parent, ignore_errors=True)
        os.close(self._descriptor)


def make_state_file(owner: tuple[int, int] | None = None, parent: Path | None = None) -> StateFile:
    """A private folder for the state, of that user and group; what others left behind is removed.

    `parent` is by default in memory where there is such a place, else where temporary files are. Raises OSError.
    """
    parent = parent or (MEMORY if _is_in_memory(MEMORY) else Path(tempfile.gettempdir()))
    _remove_leftovers(parent, os.geteuid(), *(owner or ())[:1])
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        descriptor = _lock(folder)
        if descriptor is not None:
            break  # else somebody else has taken it for a leftover, and removes it
    try:
        if owner is not None:
            os.chown(folder, *owner)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)
        raise
    return StateFile(folder, descriptor, owner)


def _is_in_memory(folder: Path) -> bool:
    return sys.platform == "linux" and folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _lock(folder: Path) -> int | None:
    """A descriptor that holds the folder; none where another process does or it is no folder of that name any more."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if folder.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def _remove_leftovers(parent: Path, *uids: int) -> None:
    """Folders of ours whose processes are all gone; those of other users are left alone."""
    for folder in parent.glob(PREFIX + "*"):
        descriptor = _lock(folder)
        if descriptor is None:
            continue
        if os.fstat(descriptor).st_uid in uids:
            shutil.rmtree(folder, ignore_errors=True)
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # now: gevent closes later
        os.close(descriptor)
