""":matches (RFC 5228 2.7.1) without backtracking: each star takes the least that is possible (RFC 5229 3.2)."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from gsubmit.sieve.comparators import Comparator, Pause, composed, octets_of
from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.limits import in_turns

MAX_PATTERN = 8192  # characters: each may be a wildcard
_STRIDE = 64  # pieces between stars, or characters, after which work is told of
_FOLDED_BY_ONE = 8  # characters that are folded by one unit of work
_PIECE = re.compile(r"\\(.?)|([*?])|([^\\*?]+)", re.DOTALL)


class _Segment(NamedTuple):
    """What stands between two stars: literals at their offsets, and any character elsewhere."""

    literals: tuple[tuple[int, str], ...]
    any_at: tuple[int, ...]
    length: int

    def stands_at(self, at: int, value: str) -> bool:
        for offset, literal in self.literals:
            if not value.startswith(literal, at + offset):
                return False
        return at + self.length <= len(value)

    def find(self, value: str, start: int, stop: int, work: Callable[[int], None]) -> int:
        """The first place in value[start:stop], or -1."""
        last = stop - self.length
        if start > last:
            return -1
        if not self.literals:
            return start
        if not self.any_at:
            return value.find(self.literals[0][1], start, stop)
        offset, longest = max(self.literals, key=lambda literal: len(literal[1]))
        at = start - 1
        while True:
            at = value.find(longest, at + 1 + offset, stop) - offset
            if at < start or at > last:
                return -1
            work(len(self.literals))
            if self.stands_at(at, value):
                return at


_NOTHING = _Segment((), (), 0)


class Pattern:
    """A key of :matches, for one comparator."""

    __slots__ = ("_folded", "_in_octets", "_is_wider", "_segments")

    def __init__(self, key: str, comparator: Comparator, pause: Pause) -> None:
        """Raises Mistake for one that is too long."""
        if len(key) > MAX_PATTERN:
            raise Mistake(f"a pattern of more than {MAX_PATTERN} characters")
        self._in_octets = comparator.counts_octets and "?" in key
        self._is_wider = not comparator.counts_octets  # folding makes several characters of one
        # Where a character is to be told from the next one, a letter with its marks is one.
        self._folded = comparator.folded if comparator.counts_octets or "?" not in key else composed
        self._segments = _segments(self._image(key), lambda text: self._folded(text, pause), pause)

    def _image(self, text: str) -> str:
        """With a character for each octet, where that matters."""
        return octets_of(text).decode("latin-1") if self._in_octets and not text.isascii() else text

    def match(
        self, value: str, work: Callable[[int], None], pause: Pause, *, captures: bool = True
    ) -> list[str] | None:
        """What the whole and, if `captures`, each wildcard stand for, or None. `work` is told of what was looked at."""
        image = self._image(value)
        folded = self._folded(image, pause)
        spans = self._spans(folded, work)
        if spans is None:
            return None
        if not captures:
            return [value]
        if self._is_wider and not image.isascii():
            spans = self._in_source(spans, image, work, pause)
        found = [image[start:end] for start, end in spans]
        if self._in_octets and not value.isascii():
            found = [text.encode("latin-1").decode("utf-8", "surrogateescape") for text in found]
        return [value, *found]

    def _in_source(
        self, spans: Sequence[tuple[int, int]], image: str, work: Callable[[int], None], pause: Pause
    ) -> list[tuple[int, int]]:
        """Where these stretches of what is folded come from: what a variable gets is as the value has it.

        A character belongs to the one that it begins in, and a mark to what it stands on.
        """
        begins = list[float]()  # of each character, in what is folded
        at = 0
        for count, letter in enumerate(_letters(image, with_marks=self._folded is composed), 1):
            begins += [at, *[at + 0.5] * (len(letter) - 1)]
            at += len(self._folded(letter, pause))
            if count % _STRIDE == 0:
                work(_STRIDE // _FOLDED_BY_ONE)
        begins.append(at)
        return [(bisect_left(begins, start), bisect_left(begins, end)) for start, end in spans]

    def _spans(self, value: str, work: Callable[[int], None]) -> list[tuple[int, int]] | None:
        first, *others = self._segments
        if not first.stands_at(0, value) or (not others and len(value) != first.length):
            return None
        spans = [(at, at + 1) for at in first.any_at]
        at = first.length
        for count, segment in enumerate(others[:-1], 1):
            if count % _STRIDE == 0:
                work(_STRIDE)
            place = segment.find(value, at, len(value), work)
            if place < 0:
                return None
            spans.append((at, place))
            spans += [(place + offset, place + offset + 1) for offset in segment.any_at]
            at = place + segment.length
        if others:
            place = len(value) - others[-1].length
            if place < at or not others[-1].stands_at(place, value):
                return None
            spans.append((at, place))
            spans += [(place + offset, place + offset + 1) for offset in others[-1].any_at]
        return spans


def _letters(text: str, *, with_marks: bool) -> Iterator[str]:
    """The characters, with the marks that stand on them or without."""
    begin = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or not (with_marks and unicodedata.combining(text[at])):
            yield text[begin:at]
            begin = at


def _segments(key: str, fold: Callable[[str], str], pause: Pause) -> list[_Segment]:
    """What is a wildcard is told before anything is folded, which makes question marks of other characters."""
    segments: list[_Segment] = []
    literals: list[tuple[int, str]] = []
    any_at: list[int] = []
    length, text = 0, ""
    pieces = (found.groups("") for found in in_turns(_PIECE.finditer(key), pause))
    for escaped, wildcard, plain in chain(pieces, [("", "*", "")]):
        if not wildcard:
            text += escaped or plain
            continue
        text = fold(text)
        if text:
            literals.append((length, text))
        length, text = length + len(text), ""
        if wildcard == "?":
            any_at.append(length)
            length += 1
        else:
            segments.append(_Segment(tuple(literals), tuple(any_at), length) if length else _NOTHING)
            literals, any_at, length = [], [], 0
    return segments
