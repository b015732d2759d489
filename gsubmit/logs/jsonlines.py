"""Log lines as JSON objects, and as what the journal takes: the facts of a line as fields."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime

from gsubmit.logs.fields import Field, of_prefix, of_text
from gsubmit.logs.text import safe

PRIORITIES = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}  # RFC 5424 6.2.1
COOKIE = "@cee: "  # tells syslog daemons that the message is JSON
MAX_OBJECT = 4000  # octets: with what stands before it, a pipe keeps it whole whoever else writes there (pipe(7))
MAX_TRACEBACK = 2000  # characters, the last


def facts(record: logging.LogRecord) -> dict[str, Field]:
    """time, level, program, session and user, the line's own fields, message (the line as Dovecot's form has it).

    What is not known is left out. `time` is RFC 3339's, UTC, in milliseconds.
    """
    return {"time": rfc3339(record.created), "level": record.levelname.lower()} | _said(record)


def said(prefix: str, text: str) -> dict[str, Field]:
    """The same of a line's prefix and text: without time and level."""
    text = safe(text)
    program, user, session = of_prefix(prefix)
    fields = of_text(prefix, text)
    session = session or str(fields.get("session", ""))
    user = user or str(fields.get("user", ""))
    named: dict[str, Field] = {"program": program}
    named |= {name: value for name, value in (("session", session), ("user", user)) if value}
    taken = {"time", "level", "program", "session", "user", "message", "traceback"}
    return named | {name: value for name, value in fields.items() if name not in taken} | {"message": text}


def rfc3339(seconds: float) -> str:
    """A moment as text, in UTC and with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _said(record: logging.LogRecord) -> dict[str, Field]:
    fields = said(getattr(record, "prefix", "gsubmit"), record.getMessage())
    if record.exc_info:
        fields["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))[-MAX_TRACEBACK:]
    return fields


def _object(record: logging.LogRecord) -> str:
    """The facts as JSON. What would make it too long is left out: the end of the line, and then recipients."""
    fields = facts(record)
    line = json.dumps(fields)
    if len(line) > MAX_OBJECT:
        message = str(fields["message"])
        fields["message"] = message[: max(len(message) - (len(line) - MAX_OBJECT), 0)]
        line = json.dumps(fields)
    to = fields.get("to")
    while len(line) > MAX_OBJECT and isinstance(to, list) and to:
        to.pop()
        line = json.dumps(fields)
    return line


class JsonLine(logging.Formatter):
    """One object a line, printable ASCII only."""

    def format(self, record: logging.LogRecord) -> str:
        """A line without its end."""
        return _object(record)


class PriorityJson(logging.Formatter):
    """The same behind `<PRIORITY>`, for the journal (sd-daemon(3)); for syslog a tag follows it (RFC 3164 4.1)."""

    def __init__(self, facility: int = 0, tag: str = "") -> None:
        super().__init__()
        self._facility = facility * 8
        self._tag = f"{tag}{COOKIE}" if tag else ""

    def format(self, record: logging.LogRecord) -> str:
        """A line without its end."""
        return f"<{self._facility + PRIORITIES[record.levelname]}>{self._tag}{_object(record)}"


class JournalFields(logging.Formatter):
    """The journal's fields as a JSON object, for logs/journald.py: MESSAGE, PRIORITY and ours as GSUBMIT_NAME.

    MESSAGE is the line in Dovecot's form without its time, for what looks for such lines in the journal.
    """

    def __init__(self, facility: int, program: str) -> None:
        super().__init__()
        self._facility = facility
        self._program = program

    def format(self, record: logging.LogRecord) -> str:
        """A line without its end."""
        ours = facts(record)
        front = f"{safe(getattr(record, 'prefix', 'gsubmit'))}: {record.levelname.capitalize()}"
        message = "\n".join([f"{front}: {ours.pop('message')}", *str(ours.pop("traceback", "")).splitlines()])
        fields: dict[str, Field] = {
            "MESSAGE": message,
            "PRIORITY": PRIORITIES[record.levelname],
            "SYSLOG_FACILITY": self._facility,
            "SYSLOG_IDENTIFIER": self._program,
        }
        del ours["time"]  # the journal has its own
        return json.dumps(fields | {f"GSUBMIT_{name.upper()}": value for name, value in ours.items()})
