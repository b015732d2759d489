"""Where log lines go, and what they look like: those of Dovecot, so that existing tools understand them."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import time
from typing import TextIO

from gsubmit.settings.sections import LoggingSettings

_WORDS = {"DEBUG": "Debug", "INFO": "Info", "WARNING": "Warning", "ERROR": "Error", "CRITICAL": "Fatal"}
LOOK_INTERVAL = 1.0  # seconds between two looks whether the log file is still the same
_SYSLOG_SOCKET = "/dev/log"


class _Line(logging.Formatter):
    """`TIME PREFIX: LEVEL: TEXT`. A record's `prefix` says who speaks; TIME is left to syslog there."""

    def __init__(self, timestamp: str) -> None:
        super().__init__()
        self._timestamp = timestamp
        self._stamped = (0, "")  # the second last seen, and how it is written

    def format(self, record: logging.LogRecord) -> str:
        prefix = getattr(record, "prefix", "gsubmit")
        line = f"{self._time(int(record.created))}{prefix}: {_WORDS[record.levelname]}: {record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line

    def _time(self, second: int) -> str:
        if not self._timestamp:
            return ""
        if self._stamped[0] != second:
            self._stamped = (second, time.strftime(self._timestamp, time.localtime(second)))
        return self._stamped[1]


class _RotatedFile(logging.handlers.WatchedFileHandler):
    """A file that is opened anew when it was moved away, as logrotate does. Not every line pays for a look."""

    _next_look = 0.0

    def reopenIfNeeded(self) -> None:  # noqa: N802 - logging's name
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_INTERVAL
            super().reopenIfNeeded()


# Facts that our lines do not show; the logging manual names these switches for programs that log much.
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
logging._srcfile = None


def configure(settings: LoggingSettings, stream: TextIO | None = None) -> None:
    """Send our log lines where the settings say, or to `stream`. Raises OSError when a file cannot be opened."""
    log = logging.getLogger("gsubmit")
    for handler in log.handlers[:]:
        log.removeHandler(handler)
        handler.close()
    log.setLevel(logging.INFO)
    log.propagate = False
    if stream is not None:
        log.addHandler(_stream(stream, settings))
        return
    main, info = settings.log_path, settings.info_log_path or settings.log_path
    if info == main:
        log.addHandler(_handler(main, settings))
        return
    quiet, loud = _handler(info, settings), _handler(main, settings)
    quiet.addFilter(lambda record: record.levelno < logging.WARNING)
    loud.setLevel(logging.WARNING)
    log.addHandler(quiet)
    log.addHandler(loud)


def _stream(stream: TextIO, settings: LoggingSettings) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Line(settings.log_timestamp))
    return handler


def _handler(path: str, settings: LoggingSettings) -> logging.Handler:
    if path in ("", "/dev/stderr"):
        return _stream(sys.stderr, settings)
    if path == "syslog":
        facility = logging.handlers.SysLogHandler.facility_names[settings.syslog_facility]
        syslog = logging.handlers.SysLogHandler(_SYSLOG_SOCKET, facility)
        syslog.ident = "gsubmit: "
        syslog.setFormatter(_Line(""))
        return syslog
    file = _RotatedFile(path, encoding="utf-8")
    file.setFormatter(_Line(settings.log_timestamp))
    return file
