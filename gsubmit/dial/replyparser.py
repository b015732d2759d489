"""Another server's octets in, its replies out (RFC 5321 4.2). It knows nothing of sockets."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from gsubmit.dial.answer import read_lines
from gsubmit.smtp.reply import Reply

MAX_LINE = 4096  # octets of one reply line; RFC 5321 4.5.3.1.5 asks for 512
MAX_LINES = 128  # lines of one reply
SHOWN = 80  # octets of what is no reply, for the log

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])([^\n]*?))?\r?\n")


class NotAReply(Exception):
    """The octets are none; the text says what they were."""


class ReplyParser:
    """Octets are fed, whole replies are taken. `note` gets each line as it came."""

    def __init__(self, note: Callable[[bytes], None] | None = None) -> None:
        self.is_empty = True  # every octet fed belonged to a reply that was taken
        self._note = note
        self._octets = b""
        self._code = b""
        self._texts: list[bytes] = []  # of a reply whose last line has not come

    def feed(self, octets: bytes) -> None:
        """Take in what came from the socket."""
        self._octets += octets
        self.is_empty = False

    def take_rest(self) -> bytes:
        """What was fed behind the last reply that was taken, for somebody else to read."""
        rest, self._octets = self._octets, b""
        self.is_empty = True
        return rest

    @property
    def start(self) -> bytes:
        """The first octets that belong to no reply yet, for the log."""
        return self._octets[:SHOWN]

    @property
    def code(self) -> bytes:
        """The code of the reply that comes next, as far as it has come."""
        return self._code if self._texts else self._octets[:3]

    def next(self) -> Reply | None:
        """The next reply, or None when more octets are needed. Raises NotAReply."""
        while end := self._octets.find(b"\n") + 1:
            line, self._octets = self._octets[:end], self._octets[end:]
            if self._note is not None:
                self._note(line)
            if not self._texts and (reply := _single(line)) is not None:
                self.is_empty = not self._octets
                return reply
            matched = _LINE.fullmatch(line)
            if matched is None or len(line) > MAX_LINE:
                raise NotAReply(repr(line[:SHOWN]))
            code, marker, text = matched.groups(b"")
            if not self._texts:
                self._code = code
            elif code != self._code:
                first, other = self._code.decode(), code.decode()
                shown = repr(b" / ".join((*self._texts, text))[: 2 * SHOWN])  # the words often say why
                raise NotAReply(f"a reply with the codes {first} and {other}: {shown}")
            elif len(self._texts) == MAX_LINES:
                raise NotAReply("endless reply")
            self._texts.append(text)
            if marker != b"-":
                return self._whole()
        if len(self._octets) > MAX_LINE:
            raise NotAReply(repr(self.start))
        return None

    def _whole(self) -> Reply:
        texts, self._texts = self._texts, []
        self.is_empty = not self._octets
        return read_lines(int(self._code), [text.decode("utf-8", "replace") for text in texts])


@lru_cache(maxsize=256)
def _single(line: bytes) -> Reply | None:
    """The reply that this line is, all of it. Most are the same few, so they and their encoded form are kept."""
    matched = _LINE.fullmatch(line)
    if matched is None or matched[2] == b"-" or len(line) > MAX_LINE:
        return None
    return read_lines(int(matched[1]), [(matched[3] or b"").decode("utf-8", "replace")])
