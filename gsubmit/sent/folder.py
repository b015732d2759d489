"""The folder of copies that are not settled: found again after a crash, by whichever process looks next."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from gsubmit.sent.entry import CONTENT, LOST, NEW, RECORD, Kept
from gsubmit.sent.record import Octets, Record

COUNTED = 10.0  # seconds until the size of the folder is looked at again
ORPHANED = 86400.0  # seconds until a message without a record is no longer somebody's who is about to write that
SCANNER = ".scanner"  # whoever has locked it looks for what is due


class NoRoom(OSError):
    """The folder has as much in it as it may."""


class Waiting(NamedTuple):
    """One copy in the folder, for people; `record` is None where its file cannot be read. Moments as of time.time."""

    name: str
    record: Record | None
    due: float
    is_lost: bool


class Folder:
    """`limit` octets in it at most; 0 is no limit. Several processes may use the same."""

    def __init__(self, path: str, limit: int = 0) -> None:
        self.path = Path(path)
        self._limit = limit
        self._size = 0
        self._counted = float("-inf")  # when
        self._scanner = -1  # descriptor, of whoever scans

    def keep(self, record: Record, body: Octets) -> Kept:
        """A new one, which is the caller's to work on. Raises OSError; NoRoom is one."""
        if self._limit and self._used() + body.size > self._limit:
            raise NoRoom("submission_sent_retry_size is reached")
        self._size += body.size
        name = f"{time.time_ns():x}-{secrets.token_hex(4)}"
        return Kept.new(self.path, name, record, body)

    def _used(self) -> int:
        if time.monotonic() - self._counted > COUNTED:
            self._size = 0
            with os.scandir(self.path) as files:
                for file in files:
                    with suppress(FileNotFoundError):
                        self._size += file.stat().st_size
            self._counted = time.monotonic()
        return self._size

    def scans(self) -> bool:
        """Whether it is this process that looks for what is due: one does, and the kernel sees to it."""
        if self._scanner < 0:
            descriptor = os.open(self.path / SCANNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                return False
            self._scanner = descriptor
        return True

    def close(self) -> None:
        """Let another process scan."""
        if self._scanner >= 0:
            os.close(self._scanner)
            self._scanner = -1

    def scan(self) -> tuple[int, list[Path]]:
        """How many there are, and which are due, the first to be due at the front. Raises OSError."""
        now, number, due = time.time(), 0, []
        with os.scandir(self.path) as files:
            for file in files:
                try:
                    changed = file.stat().st_mtime
                except FileNotFoundError:
                    continue
                if file.name.endswith(RECORD):
                    number += 1
                    if changed <= now:
                        due.append((changed, Path(file.path)))
                elif file.name.endswith((CONTENT, NEW)) and now - changed > ORPHANED:
                    self._end_orphan(Path(file.path))
        return number, [path for _, path in sorted(due)]

    @staticmethod
    def _end_orphan(path: Path) -> None:
        if not any(path.with_suffix(suffix).exists() for suffix in (RECORD, LOST)):
            path.unlink(missing_ok=True)

    def all(self) -> Iterator[Waiting]:
        """Everything in it, oldest first. Raises OSError."""
        for path in sorted(self.path.iterdir()):
            if path.suffix not in (RECORD, LOST):
                continue
            try:
                due, text = path.stat().st_mtime, path.read_text()
            except FileNotFoundError:
                continue
            try:
                record = Record.from_json(text)
            except ValueError:
                record = None
            yield Waiting(path.stem, record, due, path.suffix == LOST)
