"""Regular expressions of scripts (draft-murchison-sieve-regex), by RE2, whose time is linear.

Python's own engine backtracks: a pattern of a user's could hold all sessions. Without google-re2 there is no extension.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gsubmit.sieve.errors import Mistake

try:
    import re2
except ImportError:
    re2 = None

IS_THERE = re2 is not None
_MAX_MEMORY = 1 << 20  # octets that one pattern may take
_MAX_CAPTURED = 1 << 16  # characters in which groups are looked for, which takes a hundred times longer
_SPECIAL = re.compile(r"[.\\^$*+?()\[\]{}|]")


def quoted(text: str) -> str:
    """An expression that matches nothing but that text."""
    return _SPECIAL.sub(r"\\\g<0>", text)


class Pattern:
    """A POSIX extended regular expression: the leftmost match, and the longest of those."""

    __slots__ = ("_seeker", "_tester")

    def __init__(self, key: str, *, ignores_case: bool) -> None:
        """Raises Mistake."""
        self._tester = _compiled(_text(key), ignores_case=ignores_case, captures=False)
        self._seeker = _compiled(_text(key), ignores_case=ignores_case, captures=True)

    def search(self, value: str, *, captures: bool) -> Sequence[str] | None:
        """What the whole and each group stand for, if that is asked for; None if there is no match."""
        text = _text(value)
        if self._tester.search(text) is None:
            return None
        found = self._seeker.search(text[:_MAX_CAPTURED]) if captures else None
        return [] if found is None else [one or "" for one in (found[0], *found.groups())]


def _text(value: str) -> str:
    """Octets that are not UTF-8 are question marks, for RE2 knows characters only."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _compiled(key: str, *, ignores_case: bool, captures: bool) -> Any:
    options = re2.Options()
    options.posix_syntax = True
    options.longest_match = True
    options.perl_classes = True
    options.word_boundary = True
    options.case_sensitive = not ignores_case
    options.never_capture = not captures
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        return re2.compile(key, options)
    except re2.error as error:
        raise Mistake(f"not a regular expression: {error}") from None
