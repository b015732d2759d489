"""Dovecot's %-variables: `%u`, `%{user}`, `%{user|lower}`, `%Lu`, `%%`, and `%{if;%d;eq;;%n;%u}`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

# Short and older names, and the one they stand for.
ALIASES = {
    "u": "user",
    "n": "username",
    "d": "domain",
    "protocol": "service",
    "r": "remote_ip",
    "rip": "remote_ip",
    "l": "local_ip",
    "lip": "local_ip",
    "s": "service",
    "i": "input",
    "o": "output",
    "m": "mechanism",
    "c": "secured",
}

_LETTERS: dict[str, Callable[[str], str]] = {"L": str.lower, "U": str.upper}
_FILTERS: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "upper": str.upper,
    "username": lambda user: user.partition("@")[0],
    "domain": lambda user: user.partition("@")[2],
}
_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
    "*": lambda text, pattern: fnmatchcase(text, pattern.replace("[", "[[]")),
    "!*": lambda text, pattern: not fnmatchcase(text, pattern.replace("[", "[[]")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str
    filters: tuple[Callable[[str], str], ...]

    def value(self, known: Mapping[str, str]) -> str:
        """Its value among those that are `known`. Raises ValueError."""
        if self.name not in known:
            text = f"unknown variable %{{{self.name}}}; known here: {', '.join(sorted(known)) or 'none'}"
            raise ValueError(text)
        return _filtered(known[self.name], self.filters)


@dataclass(frozen=True, slots=True)
class _Choice:
    """`%{if;ONE;OPERATOR;OTHER;THEN;ELSE}`; all but the operator are templates."""

    filters: tuple[Callable[[str], str], ...]
    one: str
    operator: str
    other: str
    then: str
    otherwise: str

    def value(self, known: Mapping[str, str]) -> str:
        """The side that holds. All are filled in, so that a check finds what is wrong with any."""
        one, other, then, otherwise = (
            expand(text, known) for text in (self.one, self.other, self.then, self.otherwise)
        )
        if self.operator in _TEXTS:
            holds = _TEXTS[self.operator](one, other)
        else:
            are_numbers = all(_NUMBER.fullmatch(text) for text in (one, other))
            holds = are_numbers and _NUMBERS[self.operator](int(one), int(other))
        return _filtered(then if holds else otherwise, self.filters)


def _filtered(value: str, filters: tuple[Callable[[str], str], ...]) -> str:
    for change in filters:
        value = change(value)
    return value


def expand(template: str, values: Mapping[str, str]) -> str:
    """Fill in a template. `values` may use short or long names. Raises ValueError for an unknown variable."""
    if "%" not in template:  # most are not
        return template
    known = {ALIASES.get(name, name): value for name, value in values.items()}
    expanded = []
    for piece in _pieces(template):
        expanded.append(piece if isinstance(piece, str) else piece.value(known))
    return "".join(expanded)


def check(template: str, allowed: Collection[str]) -> None:
    """Raise ValueError when a template cannot be filled in with values of the `allowed` (long) names."""
    expand(template, dict.fromkeys(allowed, ""))


@lru_cache(maxsize=256)
def _pieces(template: str) -> tuple[str | _Variable | _Choice, ...]:
    """Cut a template into literal text and variables."""
    pieces: list[str | _Variable | _Choice] = []
    at = 0
    while (percent := template.find("%", at)) >= 0:
        pieces.append(template[at:percent])
        if template.startswith("%%", percent):
            pieces.append("%")
            at = percent + 2
            continue
        variable, at = _variable(template, percent + 1)
        pieces.append(variable)
    pieces.append(template[at:])
    return tuple(pieces)


def _variable(template: str, at: int) -> tuple[_Variable | _Choice, int]:
    """Read the variable after a `%`; return it and where the text goes on."""
    start, filters = at, []
    while template[at : at + 1] in _LETTERS:
        filters.append(_LETTERS[template[at]])
        at += 1
    # The letter next to the name works first: `%LUu` is lower(upper(user)).
    filters.reverse()
    if at >= len(template):
        raise ValueError(f"a variable is missing after '%{template[start:at]}' (write %% for a percent sign)")
    if template[at] != "{":
        return _Variable(ALIASES.get(template[at], template[at]), tuple(filters)), at + 1
    end = _closing_brace(template, at)
    if end < 0:
        raise ValueError(f"'%{template[start:]}' has no closing brace")
    if template[at + 1 : at + 4] in ("if;", "if:"):
        return _Choice(tuple(filters), *_parts(template[at + 4 : end])), end + 1
    name, *words = (word.strip() for word in template[at + 1 : end].split("|"))
    for word in words:
        if word not in _FILTERS:
            raise ValueError(f"unknown filter '{word}'; known: {', '.join(_FILTERS)}")
        filters.append(_FILTERS[word])
    return _Variable(ALIASES.get(name, name), tuple(filters)), end + 1


def _closing_brace(template: str, opening: int) -> int:
    """Where the brace that opens there is closed, or -1."""
    depth = 0
    for at in range(opening, len(template)):
        depth += {"{": 1, "}": -1}.get(template[at], 0)
        if depth == 0:
            return at
    return -1


def _parts(text: str) -> list[str]:
    """The five parts of `%{if;...}`, divided by semicolons that stand in no variable of their own, or by colons."""
    mark = ";" if ";" in text else ":"
    parts, depth = [""], 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == mark and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    if len(parts) != 5:
        raise ValueError(f"%{{if;...}} needs five parts with ';' between them, not {len(parts)}")
    if parts[1] not in _TEXTS and parts[1] not in _NUMBERS:
        raise ValueError(f"%{{if;...}} knows no '{parts[1]}'; known: {' '.join([*_NUMBERS, *_TEXTS])}")
    return parts
