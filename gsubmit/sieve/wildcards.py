""":matches (RFC 5228 2.7.1) without backtracking: each star takes the least that is possible (RFC 5229 3.2)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gsubmit.sieve.comparators import Comparator, Pause, octets_of
from gsubmit.sieve.errors import Mistake

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


class Pattern:
    """A key of :matches, for one comparator."""

    __slots__ = ("_comparator", "_in_octets", "_segments")

    def __init__(self, key: str, comparator: Comparator, pause: Pause) -> None:
        """Raises Mistake for one that is too long."""
        if len(key) > MAX_PATTERN:
            raise Mistake(f"a pattern of more than {MAX_PATTERN} characters")
        self._comparator = comparator
        self._in_octets = comparator.counts_octets and "?" in key
        self._segments = _segments(comparator.folded(self._image(key), pause))

    def _image(self, text: str) -> str:
        """With a character for each octet, where that matters."""
        return octets_of(text).decode("latin-1") if self._in_octets and not text.isascii() else text

    def match(
        self, value: str, work: Callable[[int], None], pause: Pause, *, captures: bool = True
    ) -> list[str] | None:
        """What the whole and, if `captures`, each wildcard stand for, or None. `work` is told of what was looked at."""
        image = self._image(value)
        folded = self._comparator.folded(image, pause)
        spans = self._spans(folded, work)
        if spans is None:
            return None
        if not captures:
            return [value]
        if len(image) != len(folded):
            spans = self._in_source(spans, image, work, pause)
        found = [image[start:end] for start, end in spans]
        if self._in_octets and not value.isascii():
            found = [text.encode("latin-1").decode("utf-8", "surrogateescape") for text in found]
        return [value, *found]

    def _in_source(
        self, spans: Sequence[tuple[int, int]], image: str, work: Callable[[int], None], pause: Pause
    ) -> list[tuple[int, int]]:
        """Where these stretches of what is folded come from: what a variable gets is as the value has it.

        A character belongs to the one that it begins in.
        """
        begins = [0]  # of each character, in what is folded
        for at, character in enumerate(image, 1):
            begins.append(begins[-1] + len(self._comparator.folded(character, pause)))
            if at % _STRIDE == 0:
                work(_STRIDE // _FOLDED_BY_ONE)
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


def _segments(key: str) -> list[_Segment]:
    segments: list[_Segment] = []
    literals: list[tuple[int, str]] = []
    any_at: list[int] = []
    length, text = 0, ""
    for escaped, wildcard, plain in [*_PIECE.findall(key), ("", "*", "")]:
        if not wildcard:
            text += escaped or plain
            continue
        if text:
            literals.append((length, text))
        length, text = length + len(text), ""
        if wildcard == "?":
            any_at.append(length)
            length += 1
        else:
            segments.append(_Segment(tuple(literals), tuple(any_at), length))
            literals, any_at, length = [], [], 0
    return segments
