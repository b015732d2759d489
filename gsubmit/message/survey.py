"""What a stretch of content holds that a relay may not take."""

from __future__ import annotations

from io import IncrementalNewlineDecoder
from typing import NamedTuple

MAX_LINE = 998  # octets before CRLF, RFC 5321 4.5.3.1.6


class Findings(NamedTuple):
    """Of one stretch: its size, how many octets are above 127, and what makes it binary (RFC 2045 2.7 to 2.9)."""

    size: int
    eight_bit: int
    has_odd_octets: bool  # NUL, or CR and LF outside CRLF
    has_long_line: bool

    def fits(self, *, takes_8bit: bool) -> bool:
        """Whether it may go out as it is, as 8bit data or as 7bit data."""
        return not (self.has_odd_octets or self.has_long_line) and (takes_8bit or not self.eight_bit)


class Survey:
    """Looks at a stretch piece by piece; no cut may fall within a CRLF."""

    __slots__ = ("_column", "_eight_bit", "_has_long_line", "_has_nul", "_line_ends", "_size")

    def __init__(self) -> None:
        self._size = 0
        self._eight_bit = 0
        self._has_nul = False
        self._has_long_line = False
        self._column = 0  # octets since the last CRLF
        self._line_ends = IncrementalNewlineDecoder(None, translate=False)

    def feed(self, piece: bytes) -> None:
        """Look at the next octets."""
        self._size += len(piece)
        self._has_nul = self._has_nul or b"\0" in piece
        text = piece.decode("latin-1")
        self._line_ends.decode(text)
        if not piece.isascii():
            self._eight_bit += len(text.encode("utf-8")) - len(piece)  # one octet more for each above 127
        if not self._has_long_line:
            self._measure(piece)

    def _measure(self, piece: bytes) -> None:
        """Leap from CRLF to CRLF, each time to the last one within the limit: one step per 1000 octets."""
        end = piece.find(b"\r\n")
        if end < 0:
            self._column += len(piece)
        else:
            self._has_long_line = self._column + end > MAX_LINE
            while len(piece) - end - 2 > MAX_LINE:
                after = end + 2
                end = piece.rfind(b"\r\n", after, after + MAX_LINE + 2)
                if end < 0:
                    self._has_long_line = True
                    return
            self._column = len(piece) - end - 2
        self._has_long_line = self._has_long_line or self._column > MAX_LINE

    def findings(self) -> Findings:
        """What was found, when all of the stretch was seen."""
        self._line_ends.decode("", final=True)  # a CR at the very end is a bare one
        has_odd_octets = self._has_nul or self._line_ends.newlines not in (None, "\r\n")
        return Findings(self._size, self._eight_bit, has_odd_octets, self._has_long_line)
