"""Points in time, and what scripts ask of them (RFC 5260 4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone, tzinfo
from email.utils import format_datetime, parsedate_tz

from gsubmit.sieve.errors import Mistake

_ZONE = re.compile(r"([+-])([0-9]{2})([0-9]{2})")
_COMMENT = re.compile(r"\((?:[^()\\]++|\\.)*+\)", re.DOTALL)
_MAX_DATE = 200  # characters
_FIRST_DAY = 678576  # of the Modified Julian Day, in Python's count of days
_LEAP_SECOND = 60


def read_date(value: str) -> datetime | None:
    """The time at the end of a header field, behind its last semicolon if there is one (RFC 5322 3.3)."""
    text = _COMMENT.sub(" ", value[-_MAX_DATE:].rpartition(";")[2])
    try:
        found = parsedate_tz(text)
        if found is None:
            return None
        year, month, day, hour, minute, second, *_ = found
        is_leap = second == _LEAP_SECOND
        zone = timezone(timedelta(seconds=found[9] or 0))
        return datetime(year, month, day, hour, minute, 59 if is_leap else second, tzinfo=zone)
    except (ValueError, TypeError, IndexError, OverflowError):  # the parser's own, for odd dates
        return None


def read_zone(text: str) -> tzinfo:
    """Such as +0200. Raises Mistake."""
    found = _ZONE.fullmatch(text)
    if found is None or int(found[3]) >= 60 or int(found[2]) >= 24:
        raise Mistake(f"'{text[:20]}' is not a time zone such as +0200")
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-offset if found[1] == "-" else offset)


def shifted(moment: datetime, zone: tzinfo | None) -> datetime | None:
    """In a time zone, None is the local one; None if the calendar ends before that."""
    try:
        return moment.astimezone(zone)
    except (ValueError, OverflowError):
        return None


def _zone(moment: datetime) -> str:
    return moment.strftime("%z")[:5]


def _iso8601(moment: datetime) -> str:
    zone = _zone(moment)
    shown = "Z" if not moment.utcoffset() else f"{zone[:3]}:{zone[3:]}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + shown


PARTS: dict[str, Callable[[datetime], str]] = {
    "year": lambda moment: f"{moment.year:04}",
    "month": lambda moment: f"{moment.month:02}",
    "day": lambda moment: f"{moment.day:02}",
    "date": lambda moment: f"{moment.year:04}-{moment.month:02}-{moment.day:02}",
    "julian": lambda moment: str(moment.toordinal() - _FIRST_DAY),
    "hour": lambda moment: f"{moment.hour:02}",
    "minute": lambda moment: f"{moment.minute:02}",
    "second": lambda moment: f"{moment.second:02}",
    "time": lambda moment: f"{moment:%H:%M:%S}",
    "iso8601": _iso8601,
    "std11": format_datetime,
    "zone": _zone,
    "weekday": lambda moment: str(moment.isoweekday() % 7),
}
