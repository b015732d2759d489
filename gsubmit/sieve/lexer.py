"""The tokens of a script (RFC 5228 8.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import NamedTuple

from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.limits import TURN

MAX_NUMBER = 2**64 - 1  # RFC 5228 2.4.1 wants 2**31 - 1
_MAX_DIGITS = 20
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
# A quoted string or comment that has no end, and any odd character, are what is left when nothing else is there.
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]++|\#[^\n]*+(?:\n|$)|/\*.*?\*/)
    |(?P<text>(?i:text):[ \t]*+(?:\#[^\n]*+)?\r?\n)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*+)
    |(?P<tag>:[A-Za-z_][A-Za-z0-9_]*+)
    |(?P<number>[0-9]++[KMGkmg]?(?![A-Za-z0-9_]))
    |(?P<string>"(?:[^"\\]++|\\.)*+")
    |(?P<sign>[;,()\[\]{}])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PIECE = re.compile(r"(?:\\.|[^\\]){1,4096}", re.DOTALL)  # of a string, with whole escapes
_END_OF_TEXT = re.compile(r"^\.\r?(?:\n|\Z)", re.MULTILINE)
_STUFFED = re.compile(r"^\.\.", re.MULTILINE)


class Kind(Enum):
    """What a token is."""

    WORD = auto()
    TAG = auto()
    NUMBER = auto()
    STRING = auto()
    SIGN = auto()
    END = auto()


class Token(NamedTuple):
    """`text` is a word, or a tag without colon, in lower case; a sign; the content of a string; or digits."""

    kind: Kind
    text: str
    line: int
    number: int = 0

    def __str__(self) -> str:
        if self.kind is Kind.END:
            return "the end of the script"
        if self.kind is Kind.STRING:
            return "a string"
        return f"'{':' if self.kind is Kind.TAG else ''}{self.text[:40]}'"


class Misread(Mistake):
    """No token."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


def tokens(script: str, pause: Callable[[], None]) -> Iterator[Token]:
    """All of them, and END; line ends within strings are CRLF. Raises Misread."""
    at, line, count = 0, 1, 0
    while at < len(script):
        count += 1
        if count % TURN == 0:
            pause()
        found = _TOKEN.match(script, at)
        if found is None:
            raise Misread(line, _what_is_wrong(script, at))
        end = found.end()
        if found.lastgroup == "text":
            stop = _end_of_text(script, end, line)
            yield Token(Kind.STRING, _crlf(_STUFFED.sub(".", script[end : stop.start()])), line)
            end = stop.end()
        elif found.lastgroup != "space":
            yield _token(found, line, pause)
        line += script.count("\n", at, end)
        at = end
    yield Token(Kind.END, "", line)


def _token(found: re.Match[str], line: int, pause: Callable[[], None]) -> Token:
    text = found[0]
    match found.lastgroup:
        case "word":
            return Token(Kind.WORD, text.lower(), line)
        case "tag":
            return Token(Kind.TAG, text[1:].lower(), line)
        case "number":
            return Token(Kind.NUMBER, text, line, _number(text, line))
        case "string":
            return Token(Kind.STRING, _crlf(_unescaped(text[1:-1], pause)), line)
        case _:
            return Token(Kind.SIGN, text, line)


def _unescaped(text: str, pause: Callable[[], None]) -> str:
    if "\\" not in text:
        return text
    pieces = []
    for piece in _PIECE.finditer(text):
        pieces.append(_ESCAPED.sub(r"\1", piece[0]))
        pause()
    return "".join(pieces)


def _crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def _number(text: str, line: int) -> int:
    digits = text.rstrip("KMGkmg").lstrip("0") or "0"
    number = MAX_NUMBER + 1 if len(digits) > _MAX_DIGITS else int(digits) * _UNITS[text.lstrip("0123456789").lower()]
    if number > MAX_NUMBER:
        raise Misread(line, "the number is too large")
    return number


def _end_of_text(script: str, start: int, line: int) -> re.Match[str]:
    """The line with a dot alone."""
    stop = _END_OF_TEXT.search(script, start)
    if stop is None:
        raise Misread(line, "a multi-line text has no end, a line with a dot alone")
    return stop


def _what_is_wrong(script: str, at: int) -> str:
    rest = script[at : at + 40]
    if rest.startswith('"'):
        return "a string has no end"
    if rest.startswith("/*"):
        return "a comment has no end"
    if rest[0].isdigit():
        return "a number with letters behind it; the units are K, M and G"
    return f"a stray character {rest[0]!r}"
