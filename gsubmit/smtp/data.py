"""DATA: where it ends, which dots go and come (RFC 5321 4.1.1.4, 4.5.2), and what smuggling it may try."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_DOT_LINE = b"\r\n."
# What the end of a block may begin of CRLF.CRLF, longest first: it waits for the next block.
_BEGINNINGS = (b"\r\n.\r", b"\r\n.", b"\r\n", b"\r")
_LONG = 2048  # octets from which on it matters how the dots are looked for
_SAMPLE = 512  # octets that tell whether dots are rare
_RARE = 4  # dots in a sample
_MOST_DOTS = 300  # that are looked at one by one


class DataReader:
    """Takes the octets after 354 in blocks of any size and gives the content back, until CRLF.CRLF.

    Nothing but CRLF.CRLF ends the data, or `.` CRLF at the very start; nothing but a dot directly after
    CRLF is removed. A bare CR or LF is content here; `MessageBody` notices it.
    """

    __slots__ = ("_unsaid", "_waiting", "ended", "remainder")

    def __init__(self) -> None:
        self._waiting = b"\r\n"  # the start of the data counts as the start of a line
        self._unsaid = 2  # and this CRLF is not content
        self.ended = False
        self.remainder = b""  # what came after the end of data: the client's next commands

    def feed(self, block: bytes) -> bytes:
        """The content that is certain once `block` has come."""
        data = self._waiting + block
        # One pass for both questions: dots at line starts divide the pieces, and the end is a dot before CRLF.
        pieces = _split_at_dots(data)
        for number in range(1, len(pieces)):
            # What follows the dot is this piece, or the next dot's CRLF when the piece is empty.
            if pieces[number].startswith(b"\r\n") or (not pieces[number] and number + 1 < len(pieces)):
                self.ended = True
                self.remainder = _DOT_LINE.join(pieces[number:])[2:]
                return self._content([*pieces[:number], b""])
        waiting = next((len(beginning) for beginning in _BEGINNINGS if data.endswith(beginning)), 0)
        self._waiting = data[len(data) - waiting :]
        if waiting == len(data):
            return b""
        return self._content(_split_at_dots(data[: len(data) - waiting]) if waiting else pieces)

    def _content(self, pieces: list[bytes]) -> bytes:
        """The pieces with the CRLF between them, and without the dots."""
        unsaid, self._unsaid = self._unsaid, 0
        return b"\r\n".join(pieces)[unsaid:]


class NewlineMender:
    """Makes CRLF of each bare LF, in content that comes in blocks of any size.

    As Postfix's `smtpd_forbid_bare_newline = normalize`, RFC 6409 8. It mends what DataReader has let through, and so
    knows nothing of ends and dots: a line that begins after a bare LF keeps its dots, and a lone dot there is a line of
    the content, doubled like any other on its way out. A bare CR stays one.
    """

    __slots__ = ("_is_after_cr",)

    def __init__(self) -> None:
        self._is_after_cr = False

    def feed(self, block: bytes) -> bytes:
        """The block, mended."""
        before = b"\r" if self._is_after_cr else b""
        data = before + block
        self._is_after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")[len(before) :]


def stuffed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks as DATA sends them: a dot doubled at each line start, and CRLF.CRLF after the last (RFC 5321 4.5.2).

    The content must hold CR and LF only as CRLF.
    """
    tail = b"\r\n"  # the last two octets sent
    for block in blocks:
        if _DOT_LINE in tail + block[:2]:  # a line start that the block before has begun
            yield b"\r\n..".join(_split_at_dots(tail + block))[2:]
        else:
            pieces = _split_at_dots(block)
            yield block if len(pieces) == 1 else b"\r\n..".join(pieces)
        tail = block[-2:] if len(block) > 1 else tail[len(block) :] + block
    yield b".\r\n" if tail == b"\r\n" else b"\r\n.\r\n"


def _split_at_dots(data: bytes) -> list[bytes]:
    """data.split(b"\\r\\n."), many times faster where dots are rare, as in base64: memchr looks for one octet."""
    middle = len(data) // 2
    if len(data) < _LONG or data.count(b".", middle, middle + _SAMPLE) > _RARE:
        return data.split(_DOT_LINE)
    pieces = []
    start = 0
    at = -3
    for _ in range(_MOST_DOTS):
        at = data.find(b".", at + 3)  # after a dot the next line start is three octets away
        if at < 0:
            pieces.append(data[start:])
            return pieces
        if data[at - 2 : at] == b"\r\n":
            pieces.append(data[start : at - 2])
            start = at + 1
    return pieces + data[start:].split(_DOT_LINE)
