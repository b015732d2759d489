"""An answer of the server: its reply lines, read as leniently as RFC 5321 4.3.2 asks of a client."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gsubmit_cli.probe.failure import Broken

MAX_LINES = 500  # of one reply; no server needs more, and an endless one must not hold us

_LINE = re.compile(r"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)")


@dataclass(frozen=True)
class Answer:
    """One whole reply: the code and the text of each line."""

    code: int
    lines: tuple[str, ...]

    @classmethod
    def of(cls, wire_lines: Iterable[str]) -> Answer:
        """Take lines until the last one of the reply. Raises Broken when they are no SMTP reply."""
        codes: set[str] = set()
        texts: list[str] = []
        for line in wire_lines:
            match = _LINE.fullmatch(line)
            if match is None:
                raise Broken("garbage", "the answer is not an SMTP reply")
            codes.add(match[1])
            texts.append(match[3] or "")
            if len(codes) > 1:
                raise Broken("garbage", "the lines of one reply have different codes")
            if match[2] != "-":
                return cls(int(match[1]), tuple(texts))
            if len(texts) == MAX_LINES:
                break
        raise Broken("garbage", f"a reply of more than {MAX_LINES} lines")

    @property
    def status(self) -> str:
        """The enhanced status ("5.7.8"), or empty."""
        match = _STATUS.match(self.lines[-1])
        return match[1] if match else ""

    @property
    def text(self) -> str:
        """All lines in one."""
        return " ".join(self.lines)
