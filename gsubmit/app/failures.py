"""What goes wrong where nobody waits for it is one line of the log, or a traceback there, and never one on stderr."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

import gevent
from gevent.server import StreamServer

from gsubmit.logs.complaints import Complaint

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_log = logging.getLogger("gsubmit")
_not_accepted = Complaint(_log)


def log_all() -> None:
    """From now on, for the whole process."""
    sys.unraisablehook = _unraisable
    threading.excepthook = _thread
    vars(gevent.get_hub())["print_exception"] = _failure


def _unraisable(unraisable: UnraisableHookArgs) -> None:
    """What Python could raise to nobody, such as a TLS name that is no text, is one line of the log."""
    _log.warning("ignored: %s: %s", type(unraisable.exc_value).__name__, unraisable.err_msg or unraisable.object)


def _failure(
    context: object, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    """What ends a greenlet or a callback of the event loop, and nobody waits for: gevent would print it."""
    if isinstance(context, StreamServer) and isinstance(error, OSError):
        _not_accepted.say("cannot accept clients: %s", error.strerror)
        return
    info = (kind, error, trace) if error is not None else None
    _log.error("internal error: %s", kind.__name__, exc_info=info)


def _thread(failure: threading.ExceptHookArgs) -> None:
    """The same for a thread."""
    _failure(failure.thread, failure.exc_type, failure.exc_value, failure.exc_traceback)
