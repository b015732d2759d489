"""One file of users in Dovecot's passwd-file format, read again when it changes."""

from __future__ import annotations

import errno
import logging
import re
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gsubmit.auth import fields

LOOK_INTERVAL = 1.0  # seconds between two looks at the file, as Dovecot's
EXTRA_FIELDS = 6  # after the password: uid, gid, gecos, home, shell, then the extra fields with all further colons
MAX_COMPLAINTS = 20  # bad lines logged one by one each time a file is read
ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})  # there is no such file, nor can there be

# The form of libpam-pwdfile, `secret[13]`: the number says which hash it is (Dovecot's db-passwd-file).
_NUMBERED_PASSWORD = re.compile(r"([^{$].*)\[(13|34|56)\]", re.DOTALL)
_NUMBERED_SCHEMES = {"13": "CRYPT", "34": "PLAIN-MD5", "56": "DIGEST-MD5"}
_DIGEST_MD5_DIGITS = 32  # hexadecimal

log = logging.getLogger("gsubmit.auth")


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
    return f"{{{_NUMBERED_SCHEMES[numbered[2]]}}}{numbered[1]}"


class UserFile:
    """The users of one file. What was read stays in use while the file cannot be read again."""

    def __init__(self, path: str, *, may_vanish: bool) -> None:
        """`may_vanish`: a file that is gone has no users any more, which is no fault."""
        self.path = path
        self.sample = ""  # a stored password, to see how long one of this file takes; empty if there is none
        self._may_vanish = may_vanish
        self._lines: dict[str, str] = {}  # user name -> the rest of the line; parsed when asked for
        self._version: tuple[int, int, int] | None = None  # of the file that was read; None: there is nothing to use
        self._next_look = 0.0
        self._fault = ""  # why the last look failed, so that it is logged once

    def find(self, user: str) -> Entry | None:
        """The entry of this user. OSError if the file could never be read, or vanished and may."""
        now = time.monotonic()
        if now >= self._next_look or self._version is None:
            self._next_look = now + LOOK_INTERVAL
            self._look()
        line = self._lines.get(user)
        return None if line is None else Entry.parse(line)

    def _look(self) -> None:
        try:
            self._read_if_changed()
            self._fault = ""
        except OSError as fault:
            if self._version is None or (self._may_vanish and fault.errno in ABSENT):
                self._version = None
                raise
            if str(fault) != self._fault:
                log.error("%s: cannot be read again, its old content stays in use: %s", self.path, fault.strerror)
            self._fault = str(fault)

    def _read_if_changed(self) -> None:
        path = Path(self.path)
        status = path.stat()  # before reading: what changes in between is read at the next look
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        version = (status.st_mtime_ns, status.st_size, status.st_ino)
        if version == self._version:
            return
        self._lines = _users(self.path, path.read_bytes())
        self._version = version
        passwords = (_password(line.partition(":")[0]) for line in self._lines.values())
        self.sample = next((password for password in passwords if password and password[0] not in "!*"), "")


def _users(path: str, octets: bytes) -> dict[str, str]:
    """The users and the rest of their lines. Bad lines are logged by number only: they may hold hashes."""
    users: dict[str, str] = {}
    faults: list[tuple[int, str]] = []
    # Only these lines with octets that are not UTF-8 are lost; U+FFFD itself is in nobody's name.
    for number, line in enumerate(octets.decode("utf-8", "replace").split("\n"), start=1):
        line = line.removesuffix("\r")  # noqa: PLW2901
        if line.startswith(("#", ":")) or not line or line.isspace():
            continue
        user, _, rest = line.partition(":")  # a list of names to deny has nothing else
        if "\ufffd" in line:
            faults.append((number, "not UTF-8"))
        elif user in users:
            faults.append((number, "user exists more than once, the first line counts"))
        else:
            users[user] = rest
    for number, fault in faults[:MAX_COMPLAINTS]:
        log.error("%s:%d: %s", path, number, fault)
    if len(faults) > MAX_COMPLAINTS:
        log.error("%s: %d more bad lines", path, len(faults) - MAX_COMPLAINTS)
    return users
