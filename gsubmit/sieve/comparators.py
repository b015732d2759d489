"""Comparators (RFC 4790, RFC 5051): what is equal, and what comes first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_LOWER = "abcdefghijklmnopqrstuvwxyz"
_TO_UPPER = str.maketrans(_LOWER, _LOWER.upper())
_DIGITS = re.compile(r"0*([0-9]*)", re.ASCII)
# The few characters whose title case is not their upper case: those of two letters, and Georgian ones.
_ODD_TITLE = re.compile(
    "[\u00df\u01c4-\u01cc\u01f1-\u01f3\u0587\u10d0-\u10fa\u10fd-\u10ff\u1f80-\u1faf\u1fb2-\u1fb4\u1fb7\u1fbc"
    "\u1fc2-\u1fc4\u1fc7\u1fcc\u1ff2-\u1ff4\u1ff7\u1ffc\ufb00-\ufb06\ufb13-\ufb17]"
)
_NO_CHARACTER = 0xD800  # and those after it: no text has them, and no case
_INFINITY = (1, 0, "")  # what begins with no digit comes after all numbers, RFC 4790 9.1.1


@dataclass(frozen=True, slots=True)
class Comparator:
    """`folded` strings are equal where the comparator says so; `key` has its order.

    `has_substrings` is whether it can be used with :contains and :matches; `counts_octets` is whether a character is an
    octet for it.
    """

    name: str
    folded: Callable[[str], str]
    key: Callable[[str], Any]
    has_substrings: bool = True
    counts_octets: bool = True


def octets_of(text: str) -> bytes:
    """As they are in a message."""
    return text.encode("utf-8", "surrogateescape")


def _same(text: str) -> str:
    return text


def upper(text: str) -> str:
    """The letters of ASCII in upper case (RFC 4790 9.2.1)."""
    if text.isascii():
        return text.upper()
    try:
        return text.encode().upper().decode()  # ten times faster
    except UnicodeEncodeError:
        return text.translate(_TO_UPPER)


def _by_letters(text: str) -> bytes:
    return octets_of(upper(text))


def _number(text: str) -> tuple[int, int, str]:
    """Digits are compared by their number first: no arithmetic, whatever their length."""
    digits = _DIGITS.match(text)
    if digits is None or not digits[0]:
        return _INFINITY
    return 0, len(digits[1]), digits[1]


def _numeral(text: str) -> str:
    kind, _, digits = _number(text)
    return "infinity" if kind else digits


def _decomposed(text: str) -> str:
    """Each character in title case, then decomposed (RFC 5051 2)."""
    if text.isascii():
        return text.upper()
    odd = {} if _ODD_TITLE.search(text) is None else dict(enumerate(set(_ODD_TITLE.findall(text)), _NO_CHARACTER))
    for stand_in, character in odd.items():
        text = text.replace(character, chr(stand_in))
    text = text.upper()  # all at once, for a megabyte takes a tenth of a second character by character
    for stand_in, character in odd.items():
        text = text.replace(chr(stand_in), character.title())
    return unicodedata.normalize("NFKD", text)


def _by_characters(text: str) -> bytes:
    return octets_of(_decomposed(text))


OCTET = Comparator("i;octet", _same, octets_of)
CASEMAP = Comparator("i;ascii-casemap", upper, _by_letters)
NUMERIC = Comparator("i;ascii-numeric", _numeral, _number, has_substrings=False)
UNICODE = Comparator("i;unicode-casemap", _decomposed, _by_characters, counts_octets=False)
COMPARATORS = {one.name: one for one in (OCTET, CASEMAP, NUMERIC, UNICODE)}
EXTENSIONS = frozenset("comparator-" + name for name in COMPARATORS)
ALWAYS_THERE = frozenset({"comparator-i;octet", "comparator-i;ascii-casemap"})  # RFC 5228 2.7.3
