"""A place in a message body that moves forward: over headers, contents and delimiter lines.

A part of the body is in the buffer, and the cursor is in there:

    message  |----------------|==========.=================|-----------------|
                              ^          ^ _at in buffer   ^ _end           size
                              buffer     offset in message

- `_fill()` appends a block behind `_end` and drops what lies before the cursor, but for two octets: the CRLF before
  it may belong to a delimiter line.
- `header()` moves from the first octet of a header to behind its empty line. Where a delimiter line comes sooner, it
  stops at that line's start: the CRLF before it is taken as the end of a header line too.
- `skip()` moves over content to the CRLF before the next delimiter line, or to the end of the message. What cannot yet
  be told, the last line in the buffer, stays before it until more has come.
- `take_delimiter()` moves from that CRLF, or from the start of the line, to behind the delimiter line.
"""

from __future__ import annotations

from collections.abc import Container

from gsubmit.fairness import let_others_run
from gsubmit.message.body import BLOCK
from gsubmit.message.content import Content
from gsubmit.message.fault import CannotConvert
from gsubmit.message.survey import MAX_LINE, Survey

_CRLF = b"\r\n"
_HEADER_END = b"\r\n\r\n"
_DASHES = b"\r\n--"  # what every delimiter line begins with, with the CRLF that belongs to it (RFC 2046 5.1.1)
_KEPT = MAX_LINE + len(_CRLF)  # octets of a line that tell whether it is a delimiter line


class Cursor:
    """Stands at the start of a line, or at the CRLF before a delimiter line. Only CRLF ends a line."""

    __slots__ = ("_at", "_buffer", "_end", "_source")

    def __init__(self, source: Content) -> None:
        self._source = source
        self._buffer = b""  # two octets before the cursor, and what was read beyond it
        self._at = 0
        self._end = 0  # offset of what follows the buffer

    @property
    def offset(self) -> int:
        """Where it stands in the message."""
        return self._end - len(self._buffer) + self._at

    def _fill(self) -> bool:
        block = self._source.read(self._end, BLOCK)
        let_others_run()
        done = max(self._at - 2, 0)
        self._buffer = self._buffer[done:] + block
        self._at -= done
        self._end += len(block)
        return bool(block)

    def header(self, delimiters: Container[bytes], limit: int) -> bytes:
        """Go on behind a header, and return it: with the empty line after it, unless a delimiter line or the end comes.

        When it is longer than `limit`, it comes out cut somewhere behind that.
        """
        is_last = False
        while (end := self._header_end()) < 0 and not is_last and len(self._buffer) - self._at <= limit:
            is_last = not self._fill()
        stop = end if end >= 0 else len(self._buffer)
        known = stop if end >= 0 or is_last else self._buffer.rfind(_CRLF)
        found, line = self._find(delimiters, known)
        start = self._at
        self._at = max(found + len(_CRLF), start) if line else stop
        return self._buffer[start : self._at]

    def _header_end(self) -> int:
        """Behind the empty line. The CRLF before that may be what ends a delimiter line: a header of nothing."""
        if self._at == 0 and self._buffer.startswith(_CRLF):  # the message has no header
            return len(_CRLF)
        found = self._buffer.find(_HEADER_END, max(self._at - 2, 0))
        return found if found < 0 else found + len(_HEADER_END)

    def skip(self, delimiters: Container[bytes], survey: Survey) -> bytes:
        """Go on to the next of the delimiter lines, and return it without its padding; empty at the end."""
        is_last = False
        while True:
            # What stands before the last CRLF is whole lines; that CRLF may belong to a delimiter line.
            known = len(self._buffer) if is_last else self._buffer.rfind(_CRLF, self._at)
            if known < 0:  # one line, kept while it may become a delimiter line; a CR at its end may be half of a CRLF
                known = len(self._buffer) - 1 if len(self._buffer) - self._at > _KEPT else self._at
            found, line = self._find(delimiters, known)
            # Found before the cursor: the CRLF of the delimiter has ended the header or delimiter before it.
            stop = max(found, self._at) if line else known
            survey.feed(self._buffer[self._at : stop])
            self._at = stop
            if line or is_last:
                return line
            is_last = not self._fill()

    def take_delimiter(self) -> None:
        """Go on behind the delimiter line that skip() has found."""
        start = self._at + 2 if self._buffer.startswith(_CRLF, self._at) else self._at
        end = self._buffer.find(_CRLF, start)
        self._at = len(self._buffer) if end < 0 else end + 2

    def _find(self, delimiters: Container[bytes], known: int) -> tuple[int, bytes]:
        at = max(self._at - 2, 0)
        while (at := self._buffer.find(_DASHES, at, known)) >= 0:
            let_others_run()
            start = at + 2
            end = self._buffer.find(_CRLF, start, start + MAX_LINE + 2)
            line = self._buffer[start : start + MAX_LINE if end < 0 else end].rstrip(b" \t")
            if line in delimiters:
                if end < 0 and len(self._buffer) > start + MAX_LINE:
                    raise CannotConvert("a delimiter line is too long")
                return at, line
            at += 2
        return -1, b""
