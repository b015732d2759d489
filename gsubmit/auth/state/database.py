"""The file in which the workers of one machine keep their state, as one process has it open."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from gsubmit.auth.loginstate import StateLost

PATIENCE = 0.1  # seconds to wait for another process that writes
PAUSE = 0.0005  # seconds between two looks whether it has finished
LOOK_TIME = 1.0  # seconds after which to look whether the file is still the one that we have open

# `who` is a user and what was asked for. `seq` grows with each row, so that the lowest is the oldest.
_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
PRAGMA wal_autocheckpoint = 250;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS failures
    (seq INTEGER PRIMARY KEY, network TEXT UNIQUE, level INTEGER, since REAL, user BLOB, proofs BLOB);
CREATE TABLE IF NOT EXISTS away (name TEXT PRIMARY KEY, pid INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refusals (seq INTEGER PRIMARY KEY, who BLOB UNIQUE, count INTEGER, since REAL);
COMMIT;
"""
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

T = TypeVar("T")


class Database:
    """Opened when it is first used, which must be after the fork. A file that is gone or broken is made anew.

    SQLite itself never waits here: it would hold up all sessions of this process.
    """

    def __init__(self, path: Path) -> None:
        self.is_lost = False  # since the last question; it may be back
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._inode = 0  # of the file that is or was open
        self._broken_inode = 0
        self._next_look = 0.0

    def row(self, query: str, *values: object) -> tuple[object, ...] | None:
        """The first row of the answer. Raises StateLost."""
        found: tuple[object, ...] | None = self.run(lambda connection: connection.execute(query, values).fetchone())
        return found

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """All of it. Raises StateLost."""
        return self.run(lambda connection: connection.execute(query, values).fetchall())

    def change(self, statement: str, *values: object) -> int:
        """How many rows one statement has changed; nobody else writes meanwhile. Raises StateLost."""
        return self.run(lambda connection: connection.execute(statement, values).rowcount)

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, once it could do it. Raises StateLost."""
        deadline = 0.0
        while True:
            try:
                answer = work(self._opened())
                self.is_lost = False
                return answer
            except sqlite3.Error as error:
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                deadline = deadline or time.monotonic() + PATIENCE
                if code == sqlite3.SQLITE_BUSY and time.monotonic() < deadline:
                    time.sleep(PAUSE)
                    continue
                if code in _BROKEN:
                    self._broken_inode = self._inode
                raise self._lost(error) from error
            except OSError as error:
                raise self._lost(error.strerror) from error

    def _lost(self, why: object) -> StateLost:
        self.close()
        self.is_lost = True
        return StateLost(f"{self._path}: {why}")

    def close(self) -> None:
        """Until it is used again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_TIME
            if _inode_of(self._path) != self._inode:
                self.close()
        return self._connection or self._open()

    def _open(self) -> sqlite3.Connection:
        with _alone(self._path.with_name("lock")):
            self._inode = _inode_of(self._path)
            if not self._inode or self._inode == self._broken_inode:
                for suffix in ("", "-wal", "-shm"):  # a journal would be taken for that of the new file
                    self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
            try:
                connection.executescript(_SCHEMA)
            except BaseException:
                connection.close()
                raise
            self._inode, self._broken_inode = _inode_of(self._path), 0
        self._connection, self._next_look = connection, time.monotonic() + LOOK_TIME
        return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """What is read within it stays so until what is written is written."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _inode_of(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """While no other process opens or replaces the file. Raises OSError where one takes too long."""
    deadline = time.monotonic() + PATIENCE
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(PAUSE)
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # now: gevent closes later
        os.close(descriptor)
