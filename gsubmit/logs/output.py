"""What log lines look like, those of Dovecot, so that existing tools understand them, and how they get to their places.

The log never touches mail: whoever logs makes a line and queues it, which neither blocks nor fails; a thread writes.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
import time
import traceback
from types import TracebackType
from typing import TextIO

from gsubmit.logs.background import Background
from gsubmit.logs.journald import Journal, is_journal
from gsubmit.logs.jsonlines import PRIORITIES, JournalFields, JsonLine, PriorityJson
from gsubmit.logs.places import (
    LogFile,
    LogPlace,
    Owner,
    StandardError,
    Syslog,
    tell_stderr,
)
from gsubmit.logs.text import safe
from gsubmit.settings.sections import LoggingSettings

MAX_WAITING = 4 << 20  # octets of lines that wait to be written; what comes on top of that is lost, and counted
LAST_TIME = 2.0  # seconds for what is still to be written when the server ends

_WORDS = {"DEBUG": "Debug", "INFO": "Info", "WARNING": "Warning", "ERROR": "Error", "CRITICAL": "Fatal"}

# Facts that our lines do not show; the logging manual names these switches for programs that log much.
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
logging._srcfile = None

_log = logging.getLogger("gsubmit")
_session_log = logging.getLogger("gsubmit.session")

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class _Line(logging.Formatter):
    """`TIME PREFIX: LEVEL: TEXT`. A record's `prefix` says who speaks. One record is one line, but for a traceback."""

    def __init__(self, timestamp: str) -> None:
        super().__init__()
        self._timestamp = timestamp
        self._stamped = (0, "")  # the second last seen, and how it is written

    def format(self, record: logging.LogRecord) -> str:
        prefix = getattr(record, "prefix", "gsubmit")
        line = safe(f"{prefix}: {_WORDS[record.levelname]}: {record.getMessage()}")
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return self._time(int(record.created)) + line

    def said_now(self, prefix: str, text: str) -> str:
        """What a record of level INFO would come to."""
        return self._time(int(time.time())) + safe(f"{prefix}: Info: {text}")

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging's name
        """The traceback. What the exception itself says may be somebody else's text: it stays on its line."""
        lines: list[str] = []
        for piece in traceback.format_exception(ei[1]):
            lines += piece.splitlines() if piece.startswith('  File "') else [safe(piece.strip("\n"))]
        return "\n".join(lines)

    def _time(self, second: int) -> str:
        if not self._timestamp:
            return ""
        if self._stamped[0] != second:
            self._stamped = (second, time.strftime(self._timestamp, time.localtime(second)))
        return self._stamped[1]


class _PriorityLine(_Line):
    """`<PRIORITY>` before each line, for the journal (sd-daemon(3)); for syslog a tag follows it (RFC 3164 4.1).

    Both have times of their own.
    """

    def __init__(self, facility: int = 0, tag: str = "") -> None:
        super().__init__("")
        self._facility = facility * 8
        self._tag = tag

    def format(self, record: logging.LogRecord) -> str:
        front = self._front(record.levelname)
        return "\n".join(front + line for line in super().format(record).split("\n"))

    def said_now(self, prefix: str, text: str) -> str:
        return self._front("INFO") + super().said_now(prefix, text)

    def _front(self, level: str) -> str:
        return f"<{self._facility + PRIORITIES[level]}>{self._tag}"


# Handlers are kept for good, one or two for each reload. The garbage collector would take logging's lock for them in
# whatever code runs then; where that is just taking it itself, it would wait for itself (gevent's RLock is not atomic).
_ended: list[logging.Handler] = []


class _Log(logging.Handler):
    """Queues lines for a place. Lines that find the queue full are lost; their number stands before the next one."""

    def __init__(self, place: LogPlace, line: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(line)
        self._line = line if isinstance(line, _Line) else None
        self._place = place
        place.complain = self._complain
        self._background = Background(self._write, MAX_WAITING)
        self._lost = 0
        self._why_lost = ""
        self._own_words: list[bytes] = []  # lines of the thread itself
        self._fault = ""  # why the last lines could not be written
        self._is_stuck = False  # waiting was in vain

    def handle(self, record: logging.LogRecord) -> bool:
        """Queue a line. Raises nothing, and takes no lock that somebody may hold."""
        try:
            if self.filter(record):
                self.emit(record)
        except Exception as error:  # whatever is wrong with a line, the caller's work goes on
            tell_stderr(f"cannot log a line: {type(error).__name__}")
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line."""
        self._put(self._octets(record))

    def say(self, prefix: str, text: str) -> bool:
        """Queue a line of level INFO without a record; False where lines are made of records only."""
        if self._line is None:
            return False
        self._put(self._line.said_now(prefix, text).encode("utf-8", "replace") + b"\n")
        return True

    def _octets(self, record: logging.LogRecord) -> bytes:
        return self.format(record).encode("utf-8", "replace") + b"\n"

    def _put(self, octets: bytes) -> None:
        if self._background.is_full:
            self._lost += 1
            self._why_lost = self._fault or "not written in time"
            return
        if self._lost:
            lost, self._lost = self._lost, 0
            self._put(self._warning(f"log: {lost} lines were lost: {self._why_lost}"))
        self._background.put(octets, len(octets))

    def _warning(self, text: str) -> bytes:
        level = logging.WARNING
        facts = {"levelno": level, "levelname": "WARNING", "msg": "%s", "args": (text,)}
        return self._octets(logging.makeLogRecord(facts))

    # In the thread

    def _write(self, records: list[bytes]) -> None:
        records[:0] = self._own_words
        self._own_words = []
        try:
            self._place.write(records)
            if self._own_words:
                self._place.write(self._own_words)
        except OSError as error:
            if not self._fault and not isinstance(self._place, StandardError):
                tell_stderr(f"cannot write the log to {self._place.name}: {error.strerror}")
            self._fault = error.strerror or str(error)
            raise
        self._fault = ""

    def _complain(self, text: str) -> None:
        self._own_words.append(self._warning(text))

    # From the server

    def look_soon(self) -> None:
        """Look with the next line whether the file was moved."""
        if isinstance(self._place, LogFile):
            self._place.look_soon()

    def flush(self) -> None:
        """Wait, with the whole process, until what was logged is written, but not for long."""
        self._is_stuck = not self._background.drain(LAST_TIME)

    def close(self) -> None:
        """Write what is left, if that can be done soon."""
        if self._background.close(0.0 if self._is_stuck else LAST_TIME):
            self._place.close()  # else the thread still uses it
        else:
            tell_stderr("the last lines of the log could not be written")
        super().close()


class _Stream(logging.StreamHandler[TextIO]):
    """A stream that is no file of the system's, as tests have it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Lines may be lost."""


def say(prefix: str, text: str) -> None:
    """Log a line of level INFO about a session.

    There are some for each login and message. So where nobody but one place of ours listens, no record is made, which
    costs more than all the rest of a line.
    """
    only = _log.handlers[0] if len(_log.handlers) == 1 and not _session_log.handlers else None
    if not (isinstance(only, _Log) and only.say(prefix, text)):
        _session_log.info("%s", text, extra={"prefix": prefix})


def configure(settings: LoggingSettings, stream: TextIO | None = None, owner: Owner | None = None) -> None:
    """Send our log lines where the settings say, or to `stream`. Raises OSError when a file cannot be opened.

    `owner` is the user whom the server becomes, when it was started by root.
    """
    close()
    _log.setLevel(logging.INFO)
    _log.propagate = False
    if stream is not None:
        _log.addHandler(_stream(stream, settings))
        return
    main, info = settings.log_path, settings.info_log_path or settings.log_path
    loud = _handler(main, settings, owner)
    if info != main:
        quiet = _handler(info, settings, owner)
        quiet.addFilter(lambda record: record.levelno < logging.WARNING)
        loud.setLevel(logging.WARNING)
        _log.addHandler(quiet)
    _log.addHandler(loud)
    logging.lastResort = loud  # what libraries have to say


def begin_anew() -> None:
    """In a process that was just forked: its parent's log is the parent's, with the thread that writes it."""
    _ended.extend(_log.handlers)
    _log.handlers.clear()
    logging.lastResort = None


def close() -> None:
    """Write what is left, if that can be done soon; nothing is logged after it."""
    for handler in _log.handlers[:]:
        _log.removeHandler(handler)
        handler.close()
        _ended.append(handler)


def _stream(stream: TextIO, settings: LoggingSettings) -> logging.Handler:
    handler = _Stream(stream)
    handler.setFormatter(_line(settings))
    return handler


def _line(settings: LoggingSettings) -> logging.Formatter:
    return JsonLine() if settings.log_format == "json" else _Line(settings.log_timestamp)


def _handler(path: str, settings: LoggingSettings, owner: Owner | None) -> logging.Handler:
    facility = logging.handlers.SysLogHandler.facility_names[settings.syslog_facility]
    is_json = settings.log_format == "json"
    if path == "journal":
        return _Log(Journal(), JournalFields(facility, settings.instance_name))
    if path == "syslog":
        kind = PriorityJson if is_json else _PriorityLine
        return _Log(Syslog(), kind(facility, f"{settings.instance_name}: "))
    line = _line(settings)
    if path not in ("", "/dev/stderr"):
        return _Log(LogFile(path, owner), line)
    try:
        file = sys.stderr.fileno()
        if is_journal(file):
            line = PriorityJson() if is_json else _PriorityLine()
        return _Log(StandardError(file), line)
    except (OSError, ValueError, AttributeError):  # something else stands in for it, or it is closed
        return _stream(sys.stderr, settings) if sys.stderr is not None else logging.NullHandler()


def flush() -> None:
    """Wait, with the whole process, until what was logged is written, but not for long."""
    for handler in _log.handlers:
        handler.flush()


def look_soon() -> None:
    """Look with the next line whether log files were moved away."""
    for handler in _log.handlers:
        if isinstance(handler, _Log):
            handler.look_soon()
