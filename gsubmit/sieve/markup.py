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
_SLICE = 1 << 16  # characters in which one is looked for at a time
_BEGINNING = 3  # characters of one by which it is known
_LONGEST = 40  # characters of a reference; a longer one is a number that no character has
_STRIDE = 64  # signs after which work is told of
_known: deque[tuple[str, str]] = deque(maxlen=4)  # several tests look at the same part


def text_of(markup: str, work: Callable[[int], None]) -> str:
    """What somebody reads; in one line each what stands in one line. `work` is told of it while it is done."""
    for known, text in _known:
        if known == markup:
            return text
    texts, pieces = list[str](), list[str]()
    at = 0
    for count, sign in enumerate(_signs(markup), 1):
        if count % _STRIDE == 0:
            work(_STRIDE)
            texts.append("".join(pieces))
            pieces.clear()
        if sign is None:
            work(_STRIDE)
        else:
            pieces.append(markup[at : sign.start()])
            pieces.append(" " if sign["hidden"] is not None else _character(sign[0]))
            at = sign.end()
    text = "".join([*texts, *pieces, markup[at:]]).lstrip(" ")  # of the tags before it
    _known.append((markup, text))
    return text


def _signs(markup: str) -> Iterator[re.Match[str] | None]:
    """In order; None now and then, for what only began like one or where none is."""
    at = 0
    while at < len(markup):
        begun = _BEGIN.search(markup, at, at + _SLICE + _BEGINNING)
        if begun is None:
            at += _SLICE
            yield None
            continue
        sign = _SIGN.match(markup, begun.start())
        yield sign
        at = sign.end() if sign is not None else begun.end()


def _character(reference: str) -> str:
    return unescape(reference) if len(reference) <= _LONGEST else "\ufffd"
