"""Scripts that were compiled, until their files change."""

from __future__ import annotations

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from gsubmit.scripts.places import included
from gsubmit.scripts.turns import KeptWaiting
from gsubmit.sieve.errors import Problem, SieveError
from gsubmit.sieve.limits import Limits
from gsubmit.sieve.script import Script, Source, compile_script

MAX_SIZE = 1 << 20  # octets of scripts in the cache; compiled, they take 60 times that, and time to be collected
_OVERHEAD = 200  # octets that are added for each file
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})
Version: TypeAlias = tuple[int, int, int, int] | None  # None: there is no file


@dataclass(frozen=True, slots=True)
class _Entry:
    """What became of a script, with the versions of all files that it was made of."""

    script: Script | SieveError
    versions: dict[str, Version]
    size: int


class Cache:
    """Scripts by their paths; the ones that were not used for longest go."""

    def __init__(
        self, limits: Limits, global_folder: str, offered: Collection[str], *, is_traced: bool = False
    ) -> None:
        self._is_traced = is_traced
        self._limits = limits
        self._global_folder = global_folder
        self._offered = offered
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._size = 0

    def script(
        self, path: str, pause: Callable[[], None] = lambda: None, *, has_own_folder: bool = True
    ) -> Script | None:
        """The script at a path as it is now; None if there is none. Raises SieveError if it does not compile.

        `pause` is called now and then. In a folder of its own it can include what lies beside it.
        """
        version = version_of(path)
        entry = self._entries.get(path)
        if entry is not None and not _is_current(entry, path, version, pause):
            self._forget(path)
            entry = None
        if version is None:
            return None
        if entry is None:
            try:
                entry = self._compiled(path, pause, os.path.dirname(path) or "." if has_own_folder else "")  # noqa: PTH120 - it is text
            except OSError as error:  # nothing is kept of that: the right to read comes without a change of the file
                raise SieveError(Problem(error.filename or path, 0, f"cannot be read: {error.strerror}")) from None
            self._keep(path, entry)
        else:
            self._entries.move_to_end(path)
        if isinstance(entry.script, SieveError):
            raise entry.script
        return entry.script

    def _keep(self, path: str, entry: _Entry) -> None:
        self._forget(path)
        self._entries[path] = entry
        self._size += entry.size
        while self._size > MAX_SIZE:
            self._forget(next(iter(self._entries)))

    def _forget(self, path: str) -> None:
        gone = self._entries.pop(path, None)
        if gone is not None:
            self._size -= gone.size

    def _compiled(self, path: str, pause: Callable[[], None], personal: str) -> _Entry:
        versions: dict[str, Version] = {}
        most = self._limits.script_size
        size = 0

        def read(there: str) -> bytes | None:
            nonlocal size
            versions[there] = version_of(there)
            found = read_script(there, most)
            size += len(found or b"")
            if size > most:
                raise SieveError(Problem(path, 0, f"the script has more than {most} octets"))
            return found

        try:
            script: Script | SieveError = self._made_of(path, read, pause, personal)
        except KeptWaiting:
            raise
        except SieveError as error:
            script, size = error, 0
        return _Entry(script, versions, size + _OVERHEAD * len(versions))

    def _made_of(
        self, path: str, read: Callable[[str], bytes | None], pause: Callable[[], None], personal: str
    ) -> Script:
        text = read(path)
        if text is None:
            raise SieveError(Problem(path, 0, "there is no such script"))
        main = str(Path(path))

        def find(name: str, is_global: bool) -> Source | None:
            there = included(name, self._global_folder if is_global else personal)
            if there == main:  # which may be written in another way
                return Source(path, text)
            found = read(there) if there else None
            return None if found is None else Source(there, found)

        return compile_script(
            text, path, limits=self._limits, offered=self._offered, find=find, pause=pause, is_traced=self._is_traced
        )


def _is_current(entry: _Entry, path: str, version: Version, pause: Callable[[], None]) -> bool:
    if entry.versions.get(path) != version:
        return False
    for other, known in entry.versions.items():
        if other != path:
            pause()  # the files may be on another machine
            if version_of(other) != known:
                return False
    return True


def _is_absent(error: OSError | ValueError) -> bool:
    """Whether there is no such file, or can be none: ValueError is for what has no octets in a path."""
    return isinstance(error, ValueError) or error.errno in _ABSENT


def version_of(path: str) -> Version:
    """What changes when a file does."""
    try:
        found = os.stat(path)  # noqa: PTH116 - for each message
    except (OSError, ValueError) as error:
        return None if _is_absent(error) else (0, 0, 0, 0)  # it is there, and reading it will tell
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev


def read_script(path: str, limit: int) -> bytes | None:
    """The octets of a script, one more than the limit if there are more; None if there is no file. Raises OSError.

    What is no plain file, such as a pipe, is none.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        if _is_absent(error):
            return None
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(limit + 1)
    finally:
        os.close(descriptor)
