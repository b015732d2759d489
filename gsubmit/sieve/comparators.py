"""Comparators (RFC 4790, RFC 5051): what is equal, and what comes first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

Pause: TypeAlias = Callable[[], None]  # is called now and then, so that others can run
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_TO_UPPER = str.maketrans(_LOWER, _LOWER.upper())
_TO_LOWER = str.maketrans(_LOWER.upper(), _LOWER)
_DIGITS = re.compile(r"0*([0-9]*)", re.ASCII)
# The few characters whose title case, as far as that is one character, is not what upper() makes of them.
_ODD_TITLE = re.compile(
    "[\u00df\u0149\u01c4-\u01cc\u01f0-\u01f3\u0390\u03b0\u0587\u10d0-\u10fa\u10fd-\u10ff\u1e96-\u1e9a\u1f50\u1f52"
    "\u1f54\u1f56\u1f80-\u1faf\u1fb2-\u1fb4\u1fb6-\u1fb7\u1fbc\u1fc2-\u1fc4\u1fc6-\u1fc7\u1fcc\u1fd2-\u1fd3"
    "\u1fd6-\u1fd7\u1fe2-\u1fe4\u1fe6-\u1fe7\u1ff2-\u1ff4\u1ff6-\u1ff7\u1ffc\ufb00-\ufb06\ufb13-\ufb17]"
)
_INFINITY = (1, 0, "")  # what begins with no digit comes after all numbers, RFC 4790 9.1.1
_SLICE = 1 << 14  # characters at a time: a millisecond or two where they are not ASCII
# Marks are put in order in a time that is the square of how many there are in a row; text has one or two.
_MARKS = 1024


@dataclass(frozen=True, slots=True)
class Comparator:
    """`folded` strings are equal where the comparator says so; `key` has its order. Both take a pause.

    `has_substrings` is whether it can be used with :contains and :matches; `counts_octets` is whether a character is an
    octet for it.
    """

    name: str
    folded: Callable[[str, Pause], str]
    key: Callable[[str, Pause], Any]
    has_substrings: bool = True
    counts_octets: bool = True


def octets_of(text: str) -> bytes:
    """As they are in a message."""
    return text.encode("utf-8", "surrogateescape")


def _same(text: str, _: Pause) -> str:
    return text


def _octets(text: str, _: Pause) -> bytes:
    return octets_of(text)


def upper(text: str, pause: Pause) -> str:
    """The letters of ASCII in upper case (RFC 4790 9.2.1)."""
    return text.upper() if text.isascii() else in_slices(text, _upper, pause)


def lower(text: str, pause: Pause) -> str:
    """The letters of ASCII in lower case."""
    return text.lower() if text.isascii() else in_slices(text, _lower, pause)


def _upper(text: str) -> str:
    try:
        return text.encode().upper().decode()  # ten times faster
    except UnicodeEncodeError:
        return text.translate(_TO_UPPER)


def _lower(text: str) -> str:
    try:
        return text.encode().lower().decode()
    except UnicodeEncodeError:
        return text.translate(_TO_LOWER)


def in_slices(text: str, fold: Callable[[str], str], pause: Pause) -> str:
    """What folds character by character, so much at a time."""
    found = []
    for at in range(0, len(text), _SLICE):
        found.append(fold(text[at : at + _SLICE]))
        pause()
    return "".join(found)


def _by_letters(text: str, pause: Pause) -> bytes:
    return octets_of(upper(text, pause))


def _number(text: str, _: Pause) -> tuple[int, int, str]:
    """Digits are compared by their number first: no arithmetic, whatever their length."""
    digits = _DIGITS.match(text)
    if digits is None or not digits[0]:
        return _INFINITY
    return 0, len(digits[1]), digits[1]


def _numeral(text: str, pause: Pause) -> str:
    kind, _, digits = _number(text, pause)
    return "infinity" if kind else digits


def _decomposed(text: str, pause: Pause) -> str:
    """Each character in title case, then decomposed (RFC 5051 2); more than _MARKS marks in a row not as one."""
    if text.isascii():
        return text.upper()
    return _by_pieces(text, _titles, pause)


def _by_pieces(text: str, fold: Callable[[str], str], pause: Pause) -> str:
    """What has to do with marks, so many characters at a time."""
    found, at = [], 0
    while at < len(text):
        end = _before_marks(text, at, at + _MARKS)
        found.append(fold(text[at:end]))
        at = end
        pause()
    return "".join(found)


def _titles(text: str) -> str:
    # All at once is twenty times faster than one after the other.
    titles = text.upper() if _ODD_TITLE.search(text) is None else "".join(map(_title, text))
    return unicodedata.normalize("NFKD", titles)


def _title(character: str) -> str:
    """The one character that it is in title case: UnicodeData.txt has no others."""
    title = character.title()
    return title if len(title) == 1 else character


def composed(text: str, pause: Pause) -> str:
    """What i;unicode-casemap compares, with a letter and its marks as one character where there is one."""
    folded = _decomposed(text, pause)
    return folded if folded.isascii() else _by_pieces(folded, partial(unicodedata.normalize, "NFC"), pause)


def _before_marks(text: str, start: int, end: int) -> int:
    """The last place up to `end` where no mark follows that belongs to what is before it; `end` if there is none."""
    if end < len(text):
        for at in range(end, start, -1):
            if not unicodedata.combining(unicodedata.normalize("NFKD", text[at])[0]):
                return at
    return min(end, len(text))


def _by_characters(text: str, pause: Pause) -> bytes:
    return octets_of(_decomposed(text, pause))


OCTET = Comparator("i;octet", _same, _octets)
CASEMAP = Comparator("i;ascii-casemap", upper, _by_letters)
NUMERIC = Comparator("i;ascii-numeric", _numeral, _number, has_substrings=False)
UNICODE = Comparator("i;unicode-casemap", _decomposed, _by_characters, counts_octets=False)
COMPARATORS = {one.name: one for one in (OCTET, CASEMAP, NUMERIC, UNICODE)}
EXTENSIONS = frozenset("comparator-" + name for name in COMPARATORS)
ALWAYS_THERE = frozenset({"comparator-i;octet", "comparator-i;ascii-casemap"})  # RFC 5228 2.7.3
