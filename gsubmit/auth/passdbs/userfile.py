"""One file of users in Dovecot's passwd-file format, read again when it changes."""

from __future__ import annotations

import errno
import itertools
import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gsubmit.auth import fields
from gsubmit.auth.looks import Looks, looks_of
from gsubmit.auth.names import NOT_UTF8
from gsubmit.auth.schemes.cost import Limits

LOOK_INTERVAL = 1.0  # seconds between two looks at the file, as Dovecot's
UNFINISHED = 10.0  # seconds after which a file without users, or whose last line has no end, counts as written
MAX_SAMPLES = 1000  # stored passwords that are looked at to find one that is compared
EXTRA_FIELDS = 6  # after the password: uid, gid, gecos, home, shell, then the extra fields with all further colons
MAX_COMPLAINTS = 20  # bad lines logged one by one each time a file is read
ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})  # there is no such file, nor can there be

# The form of libpam-pwdfile, `secret[13]`: the number says which hash it is (Dovecot's db-passwd-file).
_NUMBERED_PASSWORD = re.compile(r"([^{$].*)\[(13|34|56)\]", re.DOTALL)
NUMBERED_SCHEMES = {"13": "CRYPT", "34": "PLAIN-MD5", "56": "DIGEST-MD5"}
_DIGEST_MD5_DIGITS = 32  # hexadecimal

_log = logging.getLogger("gsubmit.auth")


@dataclass(frozen=True)
class Entry:
    """One user's line, as far as a passdb cares."""

    password: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)

    @classmethod
    def parse(cls, line: str) -> Entry:
        """The entry in what follows the user name and its colon."""
        parts = line.split(":", EXTRA_FIELDS)
        return cls(_password(parts[0]), fields.parse(parts[EXTRA_FIELDS]) if len(parts) > EXTRA_FIELDS else {})


def _password(text: str) -> str:
    """A stored password in the form `{SCHEME}content`, where it was in the older one."""
    numbered = _NUMBERED_PASSWORD.fullmatch(text) if text.endswith("]") else None
    if numbered is None or (numbered[2] == "56" and len(numbered[1]) != _DIGEST_MD5_DIGITS):
        return text
    return f"{{{NUMBERED_SCHEMES[numbered[2]]}}}{numbered[1]}"


class UserFile:
    """The users of one file. What was read stays in use while the file cannot be read again."""

    def __init__(self, path: str, *, may_vanish: bool, is_usable: Callable[[str], bool] = bool) -> None:
        """`may_vanish`: a file that is gone has no users any more, which is no fault.

        `is_usable`: whether a stored password is one that is compared.
        """
        self.path = path
        self.sample = ""  # a stored password, to see how long one of this file takes; empty if there is none
        self._looks: Looks | None = None  # counted when asked for
        self._may_vanish = may_vanish
        self._is_usable = is_usable
        self._lines: dict[str, str] = {}  # user name -> the rest of the line; parsed when asked for
        self._version: tuple[int, int, int] | None = None  # of the file that was read; None: there is nothing to use
        self._next_look = 0.0
        self._new: tuple[tuple[int, int, int], float] | None = None  # a version that may not be whole, and since when
        self._fault = ""  # why the last look failed, so that it is logged once

    def find(self, user: str) -> Entry | None:
        """The entry of this user. OSError if the file could never be read, or vanished and may."""
        now = time.monotonic()
        if now >= self._next_look or self._version is None:
            self._next_look = now + LOOK_INTERVAL
            self._look()
        line = self._lines.get(user)
        return None if line is None else Entry.parse(line)

    def looks(self, default_scheme: str, limits: Limits) -> Looks:
        """What SCRAM shows of the users of this file."""
        if self._looks is None:
            self._looks = looks_of(self._passwords(), default_scheme, limits)
        return self._looks

    def _look(self) -> None:
        try:
            self._read_if_changed()
            self._fault = ""
        except OSError as fault:
            if self._version is None or (self._may_vanish and fault.errno in ABSENT):
                self._version = None
                raise
            if str(fault) != self._fault:
                _log.error("%s: cannot be read again, its old content stays in use: %s", self.path, fault.strerror)
            self._fault = str(fault)

    def _read_if_changed(self) -> None:
        path = Path(self.path)
        status = regular(path)  # before reading: what changes in between is read at the next look
        version = (status.st_mtime_ns, status.st_size, status.st_ino)
        if version == self._version:
            self._new = None
            return
        octets = path.read_bytes()
        if not self._is_whole(version, octets):
            return
        self._lines = _users(self.path, octets)
        self._version = version
        self._new = None
        self._looks = None
        usable = (password for password in itertools.islice(self._passwords(), MAX_SAMPLES) if password[0] not in "!*")
        self.sample = next((password for password in usable if self._is_usable(password)), "")

    def _passwords(self) -> Iterator[str]:
        """The stored passwords, one after the other."""
        passwords = (_password(line.partition(":")[0]) for line in self._lines.values())
        return (password for password in passwords if password)

    def _is_whole(self, version: tuple[int, int, int], octets: bytes) -> bool:
        """Whether nobody seems to write the file any more. Until then the old content stays in use: half an entry may
        lack the fields that keep its user out, half a list those to keep out.

        A file that took the place of the old one, as by rename(2), is whole if it ends like one. One that is written
        in place has to stay as it is from one look to the next.
        """
        has_end = octets.endswith(b"\n")
        if self._version is None or (has_end and version[2] != self._version[2]):
            return True
        now = time.monotonic()
        if self._new is None or self._new[0] != version:
            self._new = (version, now)
            return False
        return has_end or now - self._new[1] >= UNFINISHED


def regular(path: Path) -> os.stat_result:
    """The status of a file; OSError also for what is no file, and would perhaps never end."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    return status


def lines_of(octets: bytes) -> Iterator[tuple[int, str, str, str]]:
    """Number, user, the rest, and what is wrong with it: of each line that is to be one of a user."""
    known: set[str] = set()
    # A password is the octets that it is (sasl.claims.text_from), and nobody looks at gecos and home.
    for number, line in enumerate(octets.decode("utf-8", "surrogateescape").split("\n"), start=1):
        line = line.removesuffix("\r")  # noqa: PLW2901
        if line.startswith(("#", ":")) or not line or line.isspace():
            continue
        user, _, rest = line.partition(":")  # a list of names to deny has nothing else
        fault = ""
        if not line.isascii() and NOT_UTF8.search(user + "".join(rest.split(":", EXTRA_FIELDS)[EXTRA_FIELDS:])):
            fault = "not UTF-8"
        elif user in known:
            fault = "user exists more than once, the first line counts"
        known.add(user)
        yield number, user, rest, fault


def _users(path: str, octets: bytes) -> dict[str, str]:
    """The users and the rest of their lines. Bad lines are logged by number only: they may hold hashes."""
    users: dict[str, str] = {}
    faults: list[tuple[int, str]] = []
    for number, user, rest, fault in lines_of(octets):
        if fault:
            faults.append((number, fault))
        else:
            users[user] = rest
    for number, fault in faults[:MAX_COMPLAINTS]:
        _log.error("%s:%d: %s", path, number, fault)
    if len(faults) > MAX_COMPLAINTS:
        _log.error("%s: %d more bad lines", path, len(faults) - MAX_COMPLAINTS)
    return users
