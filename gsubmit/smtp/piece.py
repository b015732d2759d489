"""What BDAT and BURL say of the piece of a message that they bring (RFC 3030 2, RFC 4468 3)."""

from __future__ import annotations

import re
from typing import NamedTuple

from gsubmit.smtp.replies import BAD_BURL_SYNTAX, BAD_CHUNK_MARKER, BAD_CHUNK_SIZE
from gsubmit.smtp.reply import Disconnected, Reply

MAX_CHUNK_DIGITS = 18  # more would be no size of anything; keeps hostile numbers short
_CHUNK = re.compile(r"(\d+)(?: +(.*))?", re.ASCII)


class Chunk(NamedTuple):
    """The argument of BDAT. With a `fault`, what is wrong with it, the octets follow all the same."""

    size: int
    is_last: bool
    fault: Reply | None = None


class BurlArgument(NamedTuple):
    """The argument of BURL. `fault` is what is wrong with it."""

    url: str
    is_last: bool
    fault: Reply | None = None


def read_chunk(argument: str) -> Chunk:
    """Parse `size [LAST]`.

    Raises Disconnected without a size: nobody knows where the chunk ends and the next command begins.
    """
    matched = _CHUNK.fullmatch(argument)
    if matched is None or len(matched[1]) > MAX_CHUNK_DIGITS:
        raise Disconnected(BAD_CHUNK_SIZE)
    marker = (matched[2] or "").strip().upper()
    return Chunk(int(matched[1]), marker == "LAST", None if marker in ("", "LAST") else BAD_CHUNK_MARKER)


def read_burl_argument(argument: str) -> BurlArgument:
    """Parse `url [LAST]`."""
    url, _, rest = argument.partition(" ")
    words = rest.upper().split()
    is_good = bool(url) and words in ([], ["LAST"])
    return BurlArgument(url, words[-1:] == ["LAST"], None if is_good else BAD_BURL_SYNTAX)
