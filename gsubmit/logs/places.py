"""Places that log lines are written to: a file, the standard error, syslog. All of it may block and fail."""

from __future__ import annotations

import errno
import os
import re
import select
import stat
import sys
import time
from _socket import socket  # the system's, for a thread that gevent does not run
from collections.abc import Callable
from pathlib import Path
from select import PIPE_BUF
from socket import AF_UNIX, SOCK_DGRAM, SOCK_STREAM
from typing import NamedTuple, Protocol

from gevent import monkey

LOOK_INTERVAL = 1.0  # seconds between two looks whether the log file is still the same
MAX_DATAGRAM = 8192  # octets of one line to syslog; rsyslog's own limit ($MaxMessageSize)
SYSLOG_SOCKET = "/dev/log"
PATIENCE = 1.0  # seconds that lines wait for a syslog daemon, which may only be starting again
_SYSLOG_FRONT = re.compile(rb"^<\d+>[A-Za-z0-9._-]+: (?:@cee: )?", re.MULTILINE)
_MODE = 0o644  # of a new log file, before the umask
_poll = monkey.get_original("select", "poll")  # the system's, which needs no event loop


class Owner(NamedTuple):
    """Who is to own what root makes for the user that it will become."""

    uid: int
    gid: int


class LogPlace(Protocol):
    """Where records end up, each of them a line or more with the LF."""

    name: str
    complain: Callable[[str], None]  # takes a text for the log itself

    def write(self, records: list[bytes]) -> None:
        """Write records and take from the list what is written. May block. Raises OSError."""

    def close(self) -> None:
        """Give up what was opened."""


class StandardError:
    """What the server was started with, often a pipe to whoever collects lines."""

    name = "standard error"

    def __init__(self, file: int) -> None:
        self._file = file
        self.complain: Callable[[str], None] = lambda text: None

    def write(self, records: list[bytes]) -> None:
        """The same as for any place."""
        _write(self._file, records)

    def close(self) -> None:
        """It was not opened here."""


class LogFile:
    """A file that is opened anew when it was moved away, as logrotate does. Raises OSError.

    As long as the new one cannot be opened, lines go on into the one that was moved away.
    """

    def __init__(self, path: str, owner: Owner | None = None) -> None:
        self.name = path
        self.complain: Callable[[str], None] = lambda text: None
        self._owner = owner
        self._file = -1
        try:
            self._file = self._opened()
        except OSError as error:
            # A FIFO that nobody reads yet; a socket, as /dev/stdout may be, can never be opened.
            if error.errno != errno.ENXIO or not stat.S_ISFIFO(Path(path).stat().st_mode):
                raise
        self._next_look = time.monotonic() + LOOK_INTERVAL
        self._fault = ""  # why it could not be opened again

    def _opened(self) -> int:
        """Of all processes of the server the one that is still root may be the first to open it again."""
        if self._owner is not None and os.geteuid() == 0:
            return _open_for(self.name, self._owner)
        return _open(self.name)

    def write(self, records: list[bytes]) -> None:
        """The same as for any place."""
        if self._file < 0:
            self._file = self._opened()
        elif time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_INTERVAL
            self._look()
        _write(self._file, records)

    def look_soon(self) -> None:
        """Look with the next line whether the file was moved."""
        self._next_look = 0.0

    def _look(self) -> None:
        ours = os.fstat(self._file)
        try:
            theirs = Path(self.name).stat()
            if (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino):
                self._fault = ""
                return
        except OSError:
            pass  # opening says what is wrong, or makes it
        try:
            file = self._opened()
        except OSError as error:
            if ours.st_nlink == 0:
                raise  # nobody would read it
            if self._fault != str(error):
                self._fault = str(error)
                self.complain(f"cannot open {self.name} again, lines go on into the old file: {error.strerror}")
            return
        self._fault = ""
        os.close(self._file)
        self._file = file

    def close(self) -> None:
        """Close it."""
        if self._file >= 0:
            os.close(self._file)


class Syslog:
    """The local syslog's socket; each line is one message. The daemon may come and go.

    While it is not there, lines go to the standard error, and it is tried again with each of them.
    """

    name = "syslog"

    def __init__(self) -> None:
        self.path = SYSLOG_SOCKET
        self.complain: Callable[[str], None] = lambda text: None
        self._sock: socket | None = None
        self._missing_since = 0.0  # monotonic; 0 while it is there
        self._diverted = 0  # lines that went to the standard error

    def write(self, records: list[bytes]) -> None:
        """The same as for any place."""
        try:
            self._send(records)
        except OSError:
            self.close()
            self._missing_since = self._missing_since or time.monotonic()
            if time.monotonic() - self._missing_since < PATIENCE or not _takes_more(_stderr()):
                raise
            self._divert(records)
            return
        self._missing_since = 0.0
        if self._diverted:
            self.complain(f"log: {self._diverted} lines went to the standard error, for {self.name} was not there")
            self._diverted = 0

    def _send(self, records: list[bytes]) -> None:
        if self._sock is None:
            self._sock = _connected(self.path)
        while records:
            for datagram in self.datagrams(records[0]):
                self._sock.sendall(datagram)
            del records[0]

    def datagrams(self, record: bytes) -> list[bytes]:
        """What is sent for one record."""
        return [line[:MAX_DATAGRAM] + b"\0" for line in record.splitlines()]

    def plain(self, record: bytes) -> bytes:
        """One record as lines of text."""
        return _SYSLOG_FRONT.sub(b"", record)

    def _divert(self, records: list[bytes]) -> None:
        self._diverted += len(records)
        records[:] = [self.plain(record) for record in records]
        _write(_stderr(), records)

    def close(self) -> None:
        """Leave the daemon."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None


def _connected(path: str) -> socket:
    for kind in (SOCK_DGRAM, SOCK_STREAM):
        sock = socket(AF_UNIX, kind)
        try:
            sock.connect(path)
        except OSError as error:
            sock.close()
            if error.errno != errno.EPROTOTYPE or kind == SOCK_STREAM:
                raise
        else:
            return sock
    raise AssertionError("one of the two raises or returns")


def _write(file: int, records: list[bytes]) -> None:
    """Write records, or what there is room for; then half a record may be left."""
    while records:
        number, octets = _whole_piece(records)
        try:
            written = os.write(file, octets)
        except BlockingIOError:  # somebody else has made the same pipe a non-blocking one
            _await_room(file)
            continue
        records[:number] = [octets[written:]] if written < len(octets) else []


def _whole_piece(records: list[bytes]) -> tuple[int, bytes]:
    """So many records that a pipe keeps them together, whoever else writes there; at least one, which may be longer."""
    number, size = 0, 0
    for record in records:
        if number and size + len(record) > PIPE_BUF:
            break
        number, size = number + 1, size + len(record)
    return number, b"".join(records[:number])


def _await_room(file: int) -> None:
    waiting = _poll()
    waiting.register(file, select.POLLOUT)
    waiting.poll()


def _stderr() -> int:
    """The standard error. Raises OSError where there was none at the start: whatever has its number now is not it."""
    if sys.__stderr__ is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return sys.__stderr__.fileno()


def _takes_more(file: int) -> bool:
    """Whether a file takes octets at once."""
    waiting = _poll()
    waiting.register(file, select.POLLOUT)
    return bool(waiting.poll(0))


def tell_stderr(text: str) -> None:
    """A line on the standard error, if it takes one at once: the last resort when the log itself fails."""
    octets = f"gsubmit: Error: {text}\n".encode("utf-8", "replace")[: select.PIPE_BUF]
    try:
        if _takes_more(_stderr()):
            os.write(_stderr(), octets)
    except OSError:
        pass


def _open(path: str, flags: int = 0) -> int:
    """Open for appending. A FIFO needs a reader that is there, and blocks nobody who opens it."""
    flags |= os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
    file = os.open(path, flags, _MODE)
    os.set_blocking(file, True)
    return file


def _open_for(path: str, owner: Owner) -> int:
    """Open as root, so that the user whom the server becomes can open it again.

    What that user may have put in the place of the log must not become his: no link is followed to a file of somebody
    else, and a file with another name elsewhere stays whose it is.
    """
    try:
        file = _open(path, os.O_EXCL)
    except FileExistsError:
        file = _open_existing(path, owner)
    else:
        os.fchown(file, *owner)
    return file


def _open_existing(path: str, owner: Owner) -> int:
    try:
        file = _open(path, os.O_NOFOLLOW)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        Path(path).stat()  # raises when it leads nowhere: nothing is made there
        file = _open(path)
        facts = os.fstat(file)
        if stat.S_ISREG(facts.st_mode) and facts.st_uid != owner.uid:
            os.close(file)
            text = "is a link to a file that does not belong to default_internal_user"
            raise PermissionError(errno.EPERM, text, path) from None
    else:
        facts = os.fstat(file)
        if stat.S_ISREG(facts.st_mode) and facts.st_uid == 0 and facts.st_nlink == 1:
            os.fchown(file, *owner)
    return file
