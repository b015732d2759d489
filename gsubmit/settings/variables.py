"""Dovecot's %-variables: `%u`, `%{user}`, `%{user|lower}`, `%Lu`, `%%`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

# Short and older names, and the one they stand for.
ALIASES = {
    "u": "user",
    "n": "username",
    "d": "domain",
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
_FILTERS: dict[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper}


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str
    filters: tuple[Callable[[str], str], ...]


def expand(template: str, values: Mapping[str, str]) -> str:
    """Fill in a template. `values` may use short or long names. Raises ValueError for an unknown variable."""
    if "%" not in template:  # most are not
        return template
    known = {ALIASES.get(name, name): value for name, value in values.items()}
    expanded = []
    for piece in _pieces(template):
        if isinstance(piece, str):
            expanded.append(piece)
            continue
        if piece.name not in known:
            text = f"unknown variable %{{{piece.name}}}; known here: {', '.join(sorted(known)) or 'none'}"
            raise ValueError(text)
        value = known[piece.name]
        for change in piece.filters:
            value = change(value)
        expanded.append(value)
    return "".join(expanded)


def check(template: str, allowed: Collection[str]) -> None:
    """Raise ValueError when a template cannot be filled in with values of the `allowed` (long) names."""
    expand(template, dict.fromkeys(allowed, ""))


@lru_cache(maxsize=256)
def _pieces(template: str) -> tuple[str | _Variable, ...]:
    """Cut a template into literal text and variables."""
    pieces: list[str | _Variable] = []
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


def _variable(template: str, at: int) -> tuple[_Variable, int]:
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
    end = template.find("}", at)
    if end < 0:
        raise ValueError(f"'%{template[start:]}' has no closing brace")
    name, *words = (word.strip() for word in template[at + 1 : end].split("|"))
    for word in words:
        if word not in _FILTERS:
            raise ValueError(f"unknown filter '{word}'; known: {', '.join(_FILTERS)}")
        filters.append(_FILTERS[word])
    return _Variable(ALIASES.get(name, name), tuple(filters)), end + 1
