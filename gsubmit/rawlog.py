"""Rawlogs: everything that was said on one connection, in Dovecot's two files, with the secrets left out."""

from __future__ import annotations

import itertools
import logging
import os
import re
import time
from pathlib import Path

_log = logging.getLogger("gsubmit")
_counter = itertools.count(1)
# Only what can be nothing but a mechanism is shown: some clients forget it and give the response at once.
_AUTH = re.compile(rb"([ \t]*AUTH[ \t]+)([^ \t\r\n]+)([ \t]*)([^\r\n]*)([\r\n]*)", re.IGNORECASE)
_MECHANISM = re.compile(rb"PLAIN|LOGIN|EXTERNAL|XOAUTH2|OAUTHBEARER|CRAM-MD5|SCRAM-SHA-(1|256)(-PLUS)?", re.IGNORECASE)
SECRET = b"<secret>\r\n"


class Rawlog:
    """A pair of files, `.in` for what we received and `.out` for what we sent; each line has its time in front.

    A disk that is full ends the rawlog, not the mail.
    """

    def __init__(self, stem: Path) -> None:
        self._in = _create(f"{stem}.in")
        try:
            self._out = _create(f"{stem}.out")
        except OSError:
            os.close(self._in)
            raise
        self._is_broken = False

    def received(self, octets: bytes, *, secret: bool = False) -> None:
        """Note octets from the peer; `secret` says that they are a SASL response."""
        self._write(self._in, SECRET if secret else octets)

    def sent(self, octets: bytes, *, secret: bool = False) -> None:
        """Note octets to the peer; `secret` says that they are a SASL response."""
        self._write(self._out, SECRET if secret else octets)

    def _write(self, file: int, octets: bytes) -> None:
        if self._is_broken:
            return
        try:
            os.write(file, _stamped(octets))
        except OSError as error:
            self._is_broken = True
            _log.warning("rawlog: %s", error)

    def close(self) -> None:
        """Close both files."""
        os.close(self._in)
        os.close(self._out)


def _create(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def mask(line: bytes) -> bytes:
    """A command line without the initial response that AUTH may carry."""
    matched = _AUTH.fullmatch(line)
    if matched is None:
        return line
    front, mechanism, blanks, response, end = matched.groups()
    if not _MECHANISM.fullmatch(mechanism):
        return b"".join((front, b"<secret>", end))
    return b"".join((front, mechanism, blanks, b"<secret>" if response else b"", end))


def _stamped(octets: bytes) -> bytes:
    stamp = b"%.6f " % time.time()
    return b"".join(stamp + line for line in octets.splitlines(keepends=True))


def open_rawlog(directory: str) -> Rawlog | None:
    """A new rawlog in `directory`, or None when the setting is empty or the files cannot be made, which is logged."""
    if not directory:
        return None
    name = f"{time.strftime('%Y%m%d-%H%M%S')}.{os.getpid()}.{next(_counter)}"
    try:
        return Rawlog(Path(directory) / name)
    except OSError as error:
        _log.warning("rawlog: %s", error)
        return None
