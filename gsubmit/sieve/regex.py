"""Regular expressions of scripts (draft-murchison-sieve-regex), by RE2, whose time is linear.

Python's own engine backtracks: a pattern of a user's could hold all sessions. Without google-re2 there is no extension.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from gsubmit.sieve.errors import Mistake
from gsubmit.sieve.strings import with_backslashes

try:
    import re2
except ImportError:
    re2 = None

IS_THERE = re2 is not None
_MAX_MEMORY = 1 << 19  # octets that one pattern may take, all of which it keeps once a text was odd enough
_MAX_PATTERNS = 32  # that are kept compiled, of all scripts; as many may be kept by google-re2 itself
# RE2 cannot be interrupted. At worst it goes through its whole program for each character, at 20 ns a step.
_MAX_STEPS = 1 << 21
_MAX_PROGRAM = 2000  # steps of a program, of which the text would be a thousand characters
_CAPTURING = 4  # times the steps for groups, at least
_STRIDE = 512  # steps that are one unit of work
COMPILING = 500  # units of work, at most: some milliseconds
_CACHED = 50  # units of work for one that may be compiled already, as a rule
_CHECKED_MEMORY = 1 << 15  # octets in which a program of _MAX_PROGRAM can be made
# RE2 goes on to the end of what is to be repeated, and its time is then the square of that.
_REPEATED = re.compile(r"\{([0-9]{0,9})(?:,([0-9]{0,9}))?\}")


def quoted(text: str) -> str:
    """An expression that matches nothing but that text."""
    return with_backslashes(text, ".^$*+?()[]{}|")


class Pattern:
    """A POSIX extended regular expression: the leftmost match, and the longest of those.

    It looks at the beginning of a long text only, and the larger it is the less it looks at.
    """

    __slots__ = ("_ignores_case", "_key")

    def __init__(self, key: str, *, ignores_case: bool) -> None:
        """Raises Mistake."""
        self._key = _text(key)
        self._ignores_case = ignores_case
        if not _is_small(self._key, ignores_case=ignores_case):
            raise Mistake("the regular expression is too large")

    def search(self, value: str, work: Callable[[int], None], *, captures: bool) -> Sequence[str] | None:
        """What the whole and each group stand for, if that is asked for; None if there is no match.

        `work` is told how much there is to do, before it is done.
        """
        tester = _compiled(self._key, ignores_case=self._ignores_case, captures=False)
        text = _text(value[: _MAX_STEPS // tester.programsize])
        work(_CACHED + len(text) * tester.programsize // _STRIDE)
        if tester.search(text) is None:
            return None
        if not captures:
            return []
        seeker = _compiled(self._key, ignores_case=self._ignores_case, captures=True)
        text = text[: _MAX_STEPS // seeker.programsize // _CAPTURING]
        work(_CACHED + len(text) * seeker.programsize * _CAPTURING // _STRIDE)
        found = seeker.search(text)
        return [] if found is None else [one or "" for one in (found[0], *found.groups())]


@lru_cache(maxsize=_MAX_PATTERNS)
def _is_small(key: str, *, ignores_case: bool) -> bool:
    """Whether its program is of no more than _MAX_PROGRAM steps, found out without making a large one."""
    repeated = sum(int(most or least or "0") for least, most in _REPEATED.findall(key))
    if repeated > _MAX_PROGRAM:
        return False
    tried = _made(key, ignores_case=ignores_case, captures=True, memory=_CHECKED_MEMORY)
    return tried is not None and tried.programsize <= _MAX_PROGRAM


def _text(value: str) -> str:
    """Octets that are not UTF-8 are question marks, for RE2 knows characters only."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


@lru_cache(maxsize=_MAX_PATTERNS)
def _compiled(key: str, *, ignores_case: bool, captures: bool) -> Any:
    return _made(key, ignores_case=ignores_case, captures=captures, memory=_MAX_MEMORY)


def _made(key: str, *, ignores_case: bool, captures: bool, memory: int) -> Any:
    """None for one that is too large for the memory. Raises Mistake."""
    options = re2.Options()
    options.posix_syntax = True
    options.longest_match = True
    options.perl_classes = True
    options.word_boundary = True
    options.case_sensitive = not ignores_case
    options.never_capture = not captures
    options.log_errors = False
    options.max_mem = memory
    try:
        return re2.compile(key, options)
    except re2.error as error:
        if "pattern too large" in str(error):  # RE2's words
            return None
        raise Mistake(f"not a regular expression: {error}") from None
