"""The text of HTML: without its tags."""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape

# What has no end goes on to the end of the text: were it no match, the next one would be looked for as far.
_HIDDEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|head)\b[^>]*+(?:>.*?(?:</\1\s*+>|\Z)|\Z)", re.DOTALL | re.IGNORECASE
)
_TAG = re.compile(r"</?[A-Za-z!?][^>]*+(?:>|\Z)")


@lru_cache(maxsize=4)  # several tests look at the same part, and a megabyte takes a tenth of a second
def text_of(markup: str) -> str:
    """What somebody reads; in one line each what stands in one line."""
    return unescape(_TAG.sub(" ", _HIDDEN.sub(" ", markup)))
