"""The text of HTML: without its tags."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from html import unescape

# What has no end goes on to the end of the text: were it no match, the next one would be looked for as far.
_SIGN = re.compile(
    r"(?P<hidden><!--.*?(?:-->|\Z)|<(?P<element>script|style|head)\b[^>]*+(?:>.*?(?:</(?P=element)\s*+>|\Z)|\Z)"
    r"|</?[A-Za-z!?][^>]*+(?:>|\Z))"
    r"|&(?:#[0-9]++;?|#[xX][0-9a-fA-F]++;?|[^\t\n\f <&#;]{1,32}+;?)",
    re.DOTALL | re.IGNORECASE,
)
_BEGIN = re.compile(r"<(?=/?[A-Za-z!?])|&(?=#[0-9xX]|[^\t\n\f <&#;])")  # what it can begin with: found ten times faster
_LONGEST = 40  # characters of a reference; a longer one is a number that no character has
_STRIDE = 64  # signs after which work is told of
_known: deque[tuple[str, str]] = deque(maxlen=4)  # several tests look at the same part


def text_of(markup: str, work: Callable[[int], None]) -> str:
    """What somebody reads; in one line each what stands in one line. `work` is told of it while it is done."""
    for known, text in _known:
        if known == markup:
            return text
    pieces: list[str] = []
    at = 0
    for count, sign in enumerate(_signs(markup), 1):
        if count % _STRIDE == 0:
            work(_STRIDE)
        if sign is not None:
            pieces.append(markup[at : sign.start()])
            pieces.append(" " if sign["hidden"] is not None else _character(sign[0]))
            at = sign.end()
    text = "".join([*pieces, markup[at:]]).lstrip(" ")  # of the tags before it
    _known.append((markup, text))
    return text


def _signs(markup: str) -> Iterator[re.Match[str] | None]:
    """In order; None for what only began like one."""
    begun = _BEGIN.search(markup)
    while begun is not None:
        sign = _SIGN.match(markup, begun.start())
        yield sign
        begun = _BEGIN.search(markup, sign.end() if sign is not None else begun.end())


def _character(reference: str) -> str:
    return unescape(reference) if len(reference) <= _LONGEST else "\ufffd"
