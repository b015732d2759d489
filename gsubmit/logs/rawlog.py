"""Rawlogs: everything that was said on one connection, in Dovecot's two files, with the secrets left out."""

from __future__ import annotations

import atexit
import base64
import itertools
import logging
import os
import re
import time
from pathlib import Path

from gsubmit.logs.background import Background
from gsubmit.logs.complaints import Complaint
from gsubmit.logs.text import safe_name

_log = logging.getLogger("gsubmit")
_counter = itertools.count(1)
# Only what can be nothing but a mechanism is shown: some clients forget it and give the response at once.
_AUTH = re.compile(rb"([ \t]*AUTH[ \t]+)([^ \t\r\n]+)([ \t]*)([^\r\n]*)([\r\n]*)", re.IGNORECASE)
_FORWARD = re.compile(rb"([ \t]FORWARD=)[^ \t\r\n]+", re.IGNORECASE)  # of XCLIENT: what passdbs tell each other
_MECHANISM = re.compile(rb"PLAIN|LOGIN|EXTERNAL|XOAUTH2|OAUTHBEARER|CRAM-MD5|SCRAM-SHA-(1|256)(-PLUS)?", re.IGNORECASE)
_HIDDEN = b"<secret>"
_ODD_IN_FILE_NAME = re.compile(r"[^A-Za-z0-9_-]")  # a front end's id may have / and other marks
MAX_SESSION = 64  # characters of a session's id in a file's name
SECRET = _HIDDEN + b"\r\n"
LEAST_SECRET = 4  # octets
MAX_WAITING = 16 << 20  # octets of all rawlogs that wait to be written
LAST_TIME = 2.0  # seconds for what is still to be written when the server ends
_broken = Complaint(_log)


class Rawlog:
    """A pair of files, `.in` for what we received and `.out` for what we sent; each line has its time in front.

    A thread writes them. A disk that is full, broken or too slow ends the rawlog, not the mail.
    """

    def __init__(self, stem: Path) -> None:
        self.name = stem.name
        self._in = _create(f"{stem}.in")
        try:
            self._out = _create(f"{stem}.out")
        except OSError:
            os.close(self._in)
            raise
        self._hidden: list[bytes] = []  # what we said of secrets: the other side may repeat it
        self._is_over = False
        self._fault = ""  # set by the thread

    def tell(self, session: str) -> None:
        """Say in the log where a session can be looked up."""
        _log.info("rawlog of session=<%s>: %s", safe_name(session), self.name)

    def received(self, octets: bytes, *, secret: bool = False) -> None:
        """Note octets from the peer; `secret` says that they are a SASL response."""
        for word in self._hidden:
            octets = octets.replace(word, _HIDDEN)
        self._write(self._in, SECRET if secret else octets)

    def sent(self, octets: bytes, *, secret: bool = False) -> None:
        """Note octets to the peer; `secret` says that they are a SASL response. AUTH is noted without its own."""
        if secret or octets[:5].upper() == b"AUTH ":
            self._hidden += _secrets_of(octets)
            octets = SECRET if secret else mask(octets)
        elif octets[:8].upper() == b"XCLIENT ":
            octets = mask(octets)
        self._write(self._out, octets)

    def _write(self, file: int, octets: bytes) -> None:
        if self._is_over:
            return
        stamped = _stamped(octets)
        if self._fault or not _background.put((self, file, stamped), len(stamped)):
            self._is_over = True
            _broken.say("rawlog: %s", self._fault or "the disk is too slow")

    def write_now(self, file: int, octets: bytes) -> None:
        """In the thread: write octets to one of the files, or close it where there are none. Raises nothing."""
        try:
            if not octets:
                os.close(file)
            while octets and not self._fault:
                octets = octets[os.write(file, octets) :]
        except OSError as error:
            self._fault = error.strerror or str(error)

    def close(self) -> None:
        """Close both files, once what is to be written is."""
        self._is_over = True
        for file in (self._in, self._out):
            _background.put((self, file, b""), 0)


def _work(items: list[tuple[Rawlog, int, bytes]]) -> None:
    for rawlog, file, octets in items:
        rawlog.write_now(file, octets)
    items.clear()


_background = Background(_work, MAX_WAITING)


def flush() -> None:
    """Wait, with the whole process, until rawlogs are written, but not for long."""
    _background.drain(LAST_TIME)


atexit.register(flush)


def _secrets_of(octets: bytes) -> list[bytes]:
    """The response in a line, and the password in the response (RFC 4616 2), but nothing that every reply may hold."""
    response = octets.split()[-1] if octets.strip() else b""
    try:
        password = base64.b64decode(response).split(b"\0")[-1]
    except ValueError:
        password = b""
    return [word for word in (response, password) if len(word) >= LEAST_SECRET and not _MECHANISM.fullmatch(word)]


def _create(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def mask(line: bytes) -> bytes:
    """A command line without the initial response that AUTH may carry, and without the value of XCLIENT's FORWARD."""
    if b"XCLIENT" in line.upper():
        line = _FORWARD.sub(rb"\1" + _HIDDEN, line)
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


def open_rawlog(directory: str, leg: str, session: str = "") -> Rawlog | None:
    """A new rawlog in `directory`, or None when the setting is empty or the files cannot be made, which is logged.

    `leg` says with whom we speak there: client, relay or backend. `session` is for whom, empty for nobody.
    """
    if not directory:
        return None
    name = f"{time.strftime('%Y%m%d-%H%M%S')}.{os.getpid()}.{next(_counter)}"
    name += f".{_ODD_IN_FILE_NAME.sub('_', session[:MAX_SESSION])}.{leg}" if session else f".{leg}"
    try:
        rawlog = Rawlog(Path(directory) / name)
    except OSError as error:
        _broken.say("rawlog: %s", error)
        return None
    rawlog.tell(session)
    return rawlog
