"""Tables for a terminal, at most WIDTH wide, and how figures stand in them."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH = 100
GAP = 2
LEAST = 12  # characters that a column keeps when there is too little room


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], last: str) -> str:
    """Columns under their heads and a last line; without rows that line only.

    Where there is too little room the widest columns are cut, but never the last one, which names the row.
    """
    if not rows:
        return last
    shown = [tuple(heads), *([_printable(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    while sum(widths) + GAP * (len(widths) - 1) > WIDTH and max(widths[:-1]) > LEAST:
        widths[widths.index(max(widths[:-1]))] -= 1
    lines = [(" " * GAP).join(map(_cell, row, widths)).rstrip() for row in shown]
    return "\n".join([*lines, last])


def _cell(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else f"{text[: width - 1]}~"


def _printable(text: str) -> str:
    """Without what a terminal would obey, for clients choose many of these words."""
    return "".join(character if character.isprintable() else "?" for character in text)


def counted(number: int, what: str) -> str:
    """`1 session`, `2 sessions`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Seconds in the largest unit that they fill: 59s, 3m, 5h, 12d."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{int(seconds)}s"


def octets(number: int) -> str:
    """A number of octets with three digits at least: 999, 1.2k, 34k, 5.6M."""
    if number < 1000:
        return str(number)
    size = float(number)
    for unit in "kMGTP":
        size /= 1000
        if size < 999.5 or unit == "P":
            break
    return f"{size:.1f}{unit}" if size < 9.95 else f"{size:.0f}{unit}"
