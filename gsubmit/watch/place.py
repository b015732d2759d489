"""The control socket in the file system: `base_dir/control`, for the user that serves and for root."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gevent import monkey

NAME = "control"
FOLDER_MODE = 0o755
SOCKET_MODE = 0o600
BACKLOG = 64
LOCK_TIME = 1.0  # seconds; a lock of the folder is held for a moment only, but anybody can hold one

# The system's, past gevent's patch: whoever binds may have no event loop, and hands the socket on.
_system_socket: type[socket.socket] = monkey.get_original("socket", "socket")
_sleep = monkey.get_original("time", "sleep")

_CREDENTIALS = struct.Struct("iII")  # struct ucred: pid, uid, gid


def socket_path(base_dir: str) -> Path:
    """Where a server with this base_dir can be asked."""
    return Path(base_dir) / NAME


def make_folder(base_dir: str, owner: tuple[int, int] | None = None) -> None:
    """Make base_dir where it is not there, for `owner` (uid and gid). Raises OSError."""
    with suppress(FileExistsError):
        Path(base_dir).mkdir(FOLDER_MODE)
        if owner is not None:
            os.chown(base_dir, *owner, follow_symlinks=False)


class Place:
    """A socket of the system's that listens. Its file is removed by `close`, if it is still this one."""

    def __init__(self, base_dir: str) -> None:
        """Raises OSError; FileExistsError when another server is asked there, or something else is in the way."""
        self.path = socket_path(base_dir)
        self.sock = _system_socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(self.sock.fileno(), SOCKET_MODE)  # before bind: so the file never has another mode
            with _locked(base_dir):
                _remove_stale(self.path)
                self.sock.bind(str(self.path))
                self._file = _identity(self.path)
                self.sock.listen(BACKLOG)
            self.sock.setblocking(False)  # several processes may accept
        except BaseException:
            self.sock.close()
            raise

    def close(self) -> None:
        """Remove the file."""
        self.sock.close()
        with suppress(OSError):
            if _identity(self.path) == self._file:
                self.path.unlink()


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino


@contextmanager
def _locked(base_dir: str) -> Iterator[None]:
    """So that of two servers that start at the same time only one finds a stale socket."""
    folder = os.open(base_dir, os.O_RDONLY | os.O_DIRECTORY)
    end = time.monotonic() + LOCK_TIME
    try:
        while time.monotonic() < end:
            with suppress(BlockingIOError):
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            _sleep(0.02)
        yield
    finally:
        os.close(folder)


def _remove_stale(path: Path) -> None:
    """Remove what a server has left that was killed. Raises FileExistsError when it is something else."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(errno.EEXIST, "is no socket", str(path))
    except FileNotFoundError:
        return
    with _system_socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(0)
        try:
            client.connect(str(path))
            lives = _lives(client)
        except ConnectionRefusedError:
            lives = False
        except BlockingIOError:
            lives = True  # and many ask it
    if not lives:
        path.unlink()
        return
    raise FileExistsError(errno.EEXIST, "another server is asked there", str(path))


def _lives(client: socket.socket) -> bool:
    """Whether the process that bound the other end does; processes that it has left may hold the socket (unix(7))."""
    pid, _, _ = _CREDENTIALS.unpack(client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    try:
        os.kill(pid, 0)  # 0, which is for a process that we cannot see, finds ourselves
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
