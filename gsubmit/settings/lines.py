"""The lines of a configuration file: comments off, continuations joined, quotes read.

The rules are those Dovecot 2.3 was seen to follow. A line is `key = value`, `key [name] {`, `}` or `!include path`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

BLANK = " \t\r\f\v"

_INCLUDE = re.compile(r"(!include(?:_try)?)(?:\s+(.*))?", re.DOTALL)
_KEY_AND_VALUE = re.compile(r"([^\s=]+)\s*=\s*(.*)", re.DOTALL)
_OPENER = re.compile(r'([^\s={}]+)(?:\s+("(?:[^"\\]|\\.)*"|[^\s"{][^\s]*))?\s+\{(.*)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class BadLine(Exception):
    """A line that is none of the four kinds; its text says what was expected."""


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line. `key` is the setting or block word, `text` the value, the block's name, or the path."""

    kind: Literal["value", "open", "close", "include", "include_try"]
    number: int
    key: str = ""
    text: str = ""
    quoted: bool = False


def logical_lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield (number of the first line, joined text, whether a comment was glued to a word) for each logical line."""
    start, parts, glued = 0, [], False
    for number, physical in enumerate(text.split("\n"), 1):
        stripped, is_glued = _without_comment(physical)
        stripped = stripped.strip(BLANK)
        glued = glued or is_glued
        start = start or number
        goes_on = stripped.endswith("\\")
        parts.append(stripped[:-1].strip(BLANK) if goes_on else stripped)
        if goes_on:
            continue
        yield start, " ".join(part for part in parts if part), glued
        start, parts, glued = 0, [], False
    if parts:
        yield start, " ".join(part for part in parts if part), glued


def _without_comment(line: str) -> tuple[str, bool]:
    """Cut the line at a `#` outside quotes; tell whether a word was glued to it. An unclosed quote keeps the rest."""
    at = 0
    while at < len(line):
        character = line[at]
        if character == "#":
            return line[:at], at > 0 and line[at - 1] not in BLANK
        if character in "\"'":
            at = _closing_quote(line, at)
            if at < 0:
                return line, False
        at += 1
    return line, False


def _closing_quote(line: str, opening: int) -> int:
    """Return where the quote that opens at `opening` is closed, or -1."""
    at = opening + 1
    while at < len(line):
        if line[at] == "\\":
            at += 1
        elif line[at] == line[opening]:
            return at
        at += 1
    return -1


def read_line(number: int, text: str) -> Line:
    """Tell which of the four kinds a logical line is. Raises BadLine."""
    if text == "}":
        return Line("close", number)
    if match := _INCLUDE.fullmatch(text):
        if not match[2]:
            raise BadLine(f"{match[1]} needs a path")
        return Line("include_try" if match[1] == "!include_try" else "include", number, match[1], match[2])
    if text.startswith("="):
        raise BadLine("a name is missing before '='")
    if match := _KEY_AND_VALUE.fullmatch(text):
        value, quoted = unquote(match[2])
        return Line("value", number, match[1], value, quoted)
    if match := _OPENER.fullmatch(text):
        if match[3].strip(BLANK):
            raise BadLine("nothing may follow '{' on its line")
        return Line("open", number, match[1], unquote(match[2] or "")[0])
    raise BadLine(f"expected {_expectation(text)}")


def _expectation(text: str) -> str:
    """What would have made sense of a line that makes none."""
    if text.startswith("}"):
        return "'}' alone on its line"
    if text.endswith("{"):
        return "a block's word, at most one name, and '{', with blanks between"
    return "'name = value' or 'name {'"


def is_unclosed(text: str) -> bool:
    """Whether a value begins with a quote that is never closed, so that the quote is part of it."""
    return text.startswith(('"', "'")) and _closing_quote(text, 0) < 0


def unquote(text: str) -> tuple[str, bool]:
    """Take off surrounding quotes and the backslashes inside them; tell whether there were any."""
    if len(text) >= 2 and text[0] in "\"'" and text[-1] == text[0]:
        return _ESCAPE.sub(r"\1", text[1:-1]), True
    return text, False


def quote(text: str) -> str:
    """Write a value so that reading it gives the same value back."""
    plain = text == text.strip() and not any(mark in text for mark in "#$\"'\\\n") and not text.startswith("<")
    return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
