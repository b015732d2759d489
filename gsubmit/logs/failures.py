"""The last lines about what did not succeed, kept for the control socket and the status page."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gsubmit.logs.fields import Field
from gsubmit.logs.jsonlines import rfc3339, said

KEPT = 50  # lines, of each process

_log = logging.getLogger("gsubmit.failures")


class _Failure(NamedTuple):
    """When it was last, how often in a row, and level, prefix, text and arguments."""

    moment: float
    times: int
    said: tuple[int, str, str, tuple[object, ...]]


_last: deque[_Failure] = deque(maxlen=KEPT)


def log_failure(text: str, *arguments: object, extra: Mapping[str, str], level: int = logging.INFO) -> None:
    """Log a line that says what was refused, lost or did not work, and keep it; `extra` has the prefix.

    `arguments` are kept as they are until somebody asks. What strangers are refused is not kept, for they would push
    out all else; so would a line that comes again and again, which is kept once.
    """
    if level > logging.INFO or not extra["prefix"].startswith("submission-login"):
        said = level, extra["prefix"], text, arguments
        times = _last.pop().times if _last and _last[-1].said == said else 0
        _last.append(_Failure(time.time(), times + 1, said))
    _log.log(level, text, *arguments, extra=extra)


def last_failures() -> Iterator[dict[str, Field]]:
    """What is kept, oldest first: each with the fields of a JSON line, and `times` of one that came again."""
    for moment, times, (level, prefix, text, arguments) in list(_last):
        facts: dict[str, Field] = {"time": rfc3339(moment), "level": logging.getLevelName(level).lower()}
        if times > 1:
            facts["times"] = times
        yield facts | said(prefix, text % arguments)
