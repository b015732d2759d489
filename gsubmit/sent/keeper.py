"""The copies in Sent: taken when the relay has a message, put into mailboxes off the client's path, looked after."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from typing import TypeVar

import gevent
from gevent.pool import Pool as Greenlets

from gsubmit.logs.failures import log_failure
from gsubmit.logs.text import safe_words
from gsubmit.message.body import MessageBody
from gsubmit.metrics import current
from gsubmit.metrics.figures import SENT_WAITING
from gsubmit.net.imappool import Who
from gsubmit.sent.client import SentClient
from gsubmit.sent.entry import LOST, Entry, Held, Kept
from gsubmit.sent.folder import Folder
from gsubmit.sent.mailboxes import Remembered
from gsubmit.sent.record import Octets, Record
from gsubmit.sent.steps import Steps

TICK = 1.0  # seconds between looks at what is due
AT_A_TIME = 20  # copies in work
MAX_HELD = 1000  # copies in memory, most of them waiting for a look
ERROR_TIME = 60.0  # seconds without looking where the folder cannot be read
STOP_TIME = 5.0  # seconds for what is under way
_NO_MORE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # it is not about one file
R = TypeVar("R")
_log = logging.getLogger("gsubmit.sent")


class SentCopies:
    """All of one process. Without a master user, and a folder, nothing outlives it."""

    def __init__(self, steps: Steps, folder: Folder | None) -> None:
        self._steps = steps
        self._folder = folder if steps.master is not None else None
        self._held: list[Held] = []
        self._greenlets = Greenlets()
        self._scans = False  # whether this is the one of its process that looks into the folder
        self._unreadable_until = 0.0  # monotonic
        self._unreadable = Remembered()  # single files
        self._loop: gevent.Greenlet[[], None] | None = None

    @property
    def host(self) -> str:
        """The IMAP server."""
        return str(self._steps.pool.server.host)

    @property
    def has_master(self) -> bool:
        """Whether clients' own logins are of no use."""
        return self._steps.master is not None

    # From sessions

    def asked(self, user: str, own: Who | None, act: Callable[[SentClient], R]) -> R:
        """What the user's server says to a question, within some seconds. Raises ImapFault."""
        return self._steps.asked(user, own, act)

    def keep(self, record: Record, body: Octets, own: Who | None, has_left: Callable[[], bool]) -> None:
        """Take care of a copy, which is on disk when this returns, if there is a folder; what goes wrong is logged.

        `body` is not used any more after that. Without a master user it takes the client's `own` login, for a minute.
        """
        entry: Entry | None = None
        if self._folder is not None:
            try:
                entry = self._folder.keep(record, body)
            except OSError as error:
                text = "No file for the copy in Sent, which is in memory only: %s, reason=`%s'"
                log_failure(
                    text, str(record), safe_words(str(error)), extra={"prefix": record.label}, level=logging.ERROR
                )
        try:
            self._begin(entry or self._hold(record, body, own, has_left))
        except OSError as error:
            self._steps.failed(record, str(error))

    def _hold(self, record: Record, body: Octets, own: Who | None, has_left: Callable[[], bool]) -> Held:
        who = self._steps.master(record.user) if self._steps.master is not None else own
        if who is None:
            raise OSError("there is no way to log in for this user")
        if len(self._held) >= MAX_HELD:
            raise OSError(f"{MAX_HELD} copies are in memory already")
        held = MessageBody(self._steps.rules.directory)
        try:
            for block in body.blocks():
                held.append(block)
        except BaseException:
            held.close()
            raise
        entry = Held(record, held, who, has_left if who is own else None)
        self._held.append(entry)
        self._look_about()
        return entry

    def _begin(self, entry: Entry) -> None:
        """Put it into the mailbox soon, but not in this greenlet."""
        if self._steps.rules.delay or len(self._greenlets) >= AT_A_TIME:
            entry.wait(time.time() + self._steps.rules.delay)
        else:
            self._greenlets.spawn(self._steps.work, entry)

    # What is due

    def start(self) -> None:
        """Look into the folder from now on."""
        self._scans = True
        self._look_about()

    def _look_about(self) -> None:
        """Have somebody look for what is due."""
        if not self._loop:
            self._loop = gevent.spawn(self._go_on_and_on)

    def _go_on_and_on(self) -> None:
        while self._scans or self._held:
            time.sleep(TICK)
            try:
                self._go_on()
            except Exception:
                _log.exception("copies in Sent")

    def _go_on(self) -> None:
        """Begin with what is due, as far as there is room."""
        waiting = 0
        if self._scans and self._folder is not None and time.monotonic() >= self._unreadable_until:
            try:
                waiting = self._go_on_in(self._folder)
            except OSError as error:
                self._unreadable_until = time.monotonic() + ERROR_TIME
                log_failure("cannot look for copies: %s", error, extra={"prefix": "sent"}, level=logging.ERROR)
        self._held = [held for held in self._held if not held.is_ended]
        for held in self._held:
            if not held.is_busy and len(self._greenlets) < AT_A_TIME and self._is_due(held):
                held.is_busy = True
                self._greenlets.spawn(self._steps.work, held)
        current.row[SENT_WAITING.at()] = waiting + len(self._held)

    def _go_on_in(self, folder: Folder) -> int:
        """The same with what is in the folder, if it is this process that looks there: how many there are."""
        if not folder.scans():
            return 0
        waiting, paths = folder.scan()
        failures = list[OSError]()
        for path in paths:
            if len(self._greenlets) >= AT_A_TIME or self._steps.is_broken:
                break
            if self._unreadable.get(path.name):
                continue
            try:
                entry = Kept.take(path)
            except OSError as error:
                if error.errno in _NO_MORE:
                    raise
                self._unreadable.put(path.name, str(error))
                failures.append(error)
                continue
            except ValueError as error:
                _log.error("%s: %s", path, error)
                path.rename(path.with_suffix(LOST))
                continue
            if entry is not None:
                self._greenlets.spawn(self._steps.work, entry)
        if failures:
            text = "copies left alone for an hour: %d, the first: %s"
            log_failure(text, len(failures), failures[0], extra={"prefix": "sent"}, level=logging.ERROR)
        return waiting

    @staticmethod
    def _is_due(held: Held) -> bool:
        is_last_look = held.record.is_stored and held.is_over is not None and held.is_over()
        return held.due <= time.time() or is_last_look

    def close(self) -> None:
        """Let others look into the folder, and what is under way come to its end, for a time."""
        self._scans = False
        if self._folder is not None:
            self._folder.close()
        self._greenlets.join(timeout=STOP_TIME)
        self._steps.pool.close()

    def give_up(self) -> None:
        """The process ends: what is in memory only is lost."""
        for held in self._held:
            if not (held.record.is_stored or held.is_ended):
                self._steps.failed(held.record, "the server stops")
