"""A copy that is not settled, and where what is known of it is kept: in memory, or in a file that outlives us."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVarTuple

import gevent

from gsubmit.fairness import let_others_run
from gsubmit.message.body import BLOCK, MessageBody
from gsubmit.net.imappool import Who
from gsubmit.sent.record import Octets, Record

RECORD, CONTENT, LOST, NEW = ".copy", ".eml", ".lost", ".new"  # how names of files end


Arguments = TypeVarTuple("Arguments")


class Entry(Protocol):
    """Whoever has it works on it alone, and releases it."""

    record: Record

    def octets(self) -> Octets:
        """The message. Raises OSError."""

    def save(self) -> None:
        """Keep the record as it is now. Raises OSError."""

    def end_content(self) -> None:
        """The message is not needed any more."""

    def wait(self, until: float) -> None:
        """Nothing is to be done before that moment; released, as saved last. Raises OSError."""

    def end(self, *, is_lost: bool = False) -> None:
        """It is settled, or, if `is_lost`, nothing more is tried; released. Raises OSError."""


class Held:
    """One in memory, with the login for it; `is_over` says when a client has left whose own login that is."""

    def __init__(self, record: Record, body: MessageBody, who: Who, is_over: Callable[[], bool] | None) -> None:
        self.record = record
        self.who = who
        self.is_over = is_over
        self.due = 0.0
        self.is_busy = True
        self.is_ended = False
        self._body = body

    def octets(self) -> Octets:
        """The message."""
        return self._body

    def save(self) -> None:
        """It is as it is."""

    def end_content(self) -> None:
        """Give it back."""
        self._body.close()

    def wait(self, until: float) -> None:
        """See Entry."""
        self.due, self.is_busy = until, False

    def end(self, *, is_lost: bool = False) -> None:
        """See Entry."""
        self._body.close()
        self.is_ended, self.is_busy = True, False


class OnDisk:
    """A message in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size

    def blocks(self) -> Iterator[bytes]:
        """All of it."""
        with self._path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block


class Kept:
    """One in a folder: `NAME.copy` is the record, `NAME.eml` the message; the record's mtime is when to look next.

    The lock is on the record's file, so the kernel gives it back however a process ends; a new version of the file is
    locked before it has the name.
    """

    def __init__(self, path: Path, record: Record, lock: int) -> None:
        self.path = path
        self.record = record
        self._lock = lock  # descriptor

    @classmethod
    def new(cls, folder: Path, name: str, record: Record, body: Octets) -> Kept:
        """On disk when this returns, whatever happens to us or to the machine. Raises OSError."""
        content = folder / (name + CONTENT)
        try:
            with open(content, "xb", buffering=0, opener=_private) as file:
                for block in body.blocks():
                    view = memoryview(block)
                    while view:
                        view = view[file.write(view) :]
                    let_others_run()
                _in_thread(os.fsync, file.fileno())
            entry = cls(folder / (name + RECORD), record, -1)
            entry.save()
        except BaseException:
            content.unlink(missing_ok=True)
            raise
        return entry

    @classmethod
    def take(cls, path: Path) -> Kept | None:
        """The one at this path, unless somebody works on it or it is gone. Raises OSError, ValueError for nonsense."""
        try:
            lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            if not (_is_locked(lock) and _is_at(lock, path)):
                os.close(lock)
                return None
            with open(lock, encoding="utf-8", closefd=False) as file:
                return cls(path, Record.from_json(file.read()), lock)
        except BaseException:
            with suppress(OSError):
                os.close(lock)
            raise

    def octets(self) -> Octets:
        """The message. Raises OSError."""
        return OnDisk(self._content)

    @property
    def _content(self) -> Path:
        return self.path.with_suffix(CONTENT)

    def save(self) -> None:
        """Write the record, and have it on disk under its name."""
        new = self.path.with_suffix(NEW)
        lock = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.write(lock, self.record.to_json().encode("utf-8", "surrogateescape"))
            _in_thread(_put, lock, new, self.path)
        except BaseException:
            os.close(lock)
            raise
        self._release()
        self._lock = lock

    def end_content(self) -> None:
        """Remove the message."""
        self._content.unlink(missing_ok=True)

    def wait(self, until: float) -> None:
        """See Entry."""
        try:
            os.utime(self.path, (time.time(), until))
        finally:
            self._release()

    def end(self, *, is_lost: bool = False) -> None:
        """See Entry. What is lost is kept under another name, for somebody to look at."""
        try:
            if is_lost:
                self.save()
                self.path.rename(self.path.with_suffix(LOST))
            else:
                self.path.unlink(missing_ok=True)  # first: a message without a record is nothing
                self.end_content()
        finally:
            self._release()

    def _release(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _put(lock: int, new: Path, path: Path) -> None:
    os.fsync(lock)
    new.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _in_thread(function: Callable[[*Arguments], None], *arguments: *Arguments) -> None:
    """A disk may take long, and nobody else is to wait for it."""
    gevent.get_hub().threadpool.apply(function, arguments)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the file still has that name: its last holder may have put another there, or none."""
    ours = os.fstat(descriptor)
    try:
        theirs = path.stat()
    except FileNotFoundError:
        return False
    return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)
