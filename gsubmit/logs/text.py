"""Others' words in our log: no text from outside ends a line, or passes for something that we say (CMD-24)."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SAFE = bytes(range(0x20, 0x7F))
_UNSAFE = re.compile(r"[^ -~]")
_ODD_IN_NAME = re.compile(r"[^!-'*+\--;=?-~]")  # whoever reads the line looks for the first ">", ")", "," or blank
_MARKS = re.compile(r"[^ -;?-~]")


def safe(text: str) -> str:
    """One line of printable ASCII; the formatter does this to each line, so that nobody else has to."""
    is_safe = text.isascii() and not text.encode("ascii").translate(None, _SAFE)
    return text if is_safe else _UNSAFE.sub("?", text)


def safe_name(text: str) -> str:
    """A name, such as a user's, that stands within brackets or before a comma."""
    return _ODD_IN_NAME.sub("?", text)


def safe_names(names: Iterable[str]) -> str:
    """`<a@example.org>,<b@example.org>`: addresses, as lines of the log list them."""
    return ",".join([f"<{safe_name(name)}>" for name in names])


def safe_words(text: str) -> str:
    """Words that stand before fields such as `user=<...>`, and hold none."""
    return _MARKS.sub("?", text)
