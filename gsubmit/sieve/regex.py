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
_SPECIAL = re.compile(r"[.\\^$*+?()\[\]{}|]")


def quoted(text: str) -> str:
    """An expression that matches nothing but that text."""
    return _SPECIAL.sub(r"\\\g<0>", text)


class Pattern:
    """A POSIX extended regular expression: the leftmost match, and the longest of those."""

    __slots__ = ("_compiled",)

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled

    def search(self, value: str) -> Sequence[str | None] | None:
        """What the whole and each group stand for, or None."""
        found = self._compiled.search(value.encode("utf-8", "surrogateescape"))
        if found is None:
            return None
        return [None if one is None else one.decode("utf-8", "surrogateescape") for one in (found[0], *found.groups())]


def compiled(key: str, *, ignores_case: bool) -> Pattern:
    """Raises Mistake."""
    options = re2.Options()
    options.posix_syntax = True
    options.longest_match = True
    options.perl_classes = True
    options.word_boundary = True
    options.case_sensitive = not ignores_case
    options.never_nl = False
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    options.encoding = re2.Options.Encoding.LATIN1
    try:
        return Pattern(re2.compile(key.encode("utf-8", "surrogateescape"), options))
    except re2.error as error:
        raise Mistake(f"not a regular expression: {error}") from None
