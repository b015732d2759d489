"""Replies: what we say to a client, and what a relay said to us (RFC 5321 4.2, RFC 2034)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

MAX_REPLY_LINE = 512  # octets with code and CRLF, RFC 5321 4.5.3.1.5


@dataclass(frozen=True)
class Reply:
    """One reply. `status` is the enhanced status ("5.5.1") or empty; `text` may hold several lines, divided by LF."""

    code: int
    status: str = ""
    text: str = ""

    @property
    def closes(self) -> bool:
        """Whether the connection ends after this reply (RFC 5321 4.2.2)."""
        return self.code in (221, 421)

    @property
    def refuses(self) -> bool:
        """Whether this is a 4yz or 5yz reply."""
        return self.code >= 400

    @cached_property
    def wire(self) -> bytes:
        """The reply as it is sent, with the status on each line (RFC 2034 4)."""
        status = f"{self.status} " if self.status else ""
        room = MAX_REPLY_LINE - len("250-\r\n") - len(status)
        lines = [piece for line in self.text.split("\n") for piece in _pieces(line, room)]
        last = len(lines) - 1
        whole = "".join(
            f"{self.code}{' ' if number == last else '-'}{status}{line}\r\n" for number, line in enumerate(lines)
        )
        return whole.encode("utf-8")

    def with_text(self, text: str) -> Reply:
        """The same code and status with other words."""
        return replace(self, text=text)

    def __str__(self) -> str:
        return " ".join([part for part in (str(self.code), self.status, self.text.replace("\n", " ")) if part])


def _pieces(line: str, room: int) -> list[str]:
    """Cut `line` where it is too long for one reply line; an empty line stays one empty piece."""
    if len(line) * 4 <= room:  # no character takes more than four octets
        return [line]
    pieces, piece, used = [], "", 0
    for character in line:
        octets = len(character.encode("utf-8"))
        if used + octets > room:
            pieces.append(piece)
            piece, used = "", 0
        piece += character
        used += octets
    return [*pieces, piece]


class Refused(Exception):
    """The way to say no from any depth. Whoever knows more than the client may hear, logs it before raising this."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply

    @property
    def by(self) -> str:
        """Who says no, for the log."""
        return "gsubmit"


class Disconnected(Refused):
    """Refused, and the connection ends after the reply although its code does not say so."""
