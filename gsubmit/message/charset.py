"""What charset 8-bit octets in a header are in, as far as that can be known."""

from __future__ import annotations

from typing import NamedTuple


class Charset(NamedTuple):
    """How octets are read and written here, and what is said of them in an encoded-word and in a parameter."""

    codec: str
    word: str
    parameter: str


UTF8 = Charset("utf-8", "utf-8", "utf-8")
# Latin-1 stands for each octet with one character. No charset is guessed: RFC 1428 3 has a name for that, and the
# parameters of RFC 2231 4 may leave it empty.
UNKNOWN = Charset("latin-1", "unknown-8bit", "")


def charset_of(octets: bytes) -> Charset:
    """UTF-8 when it is that, else unknown."""
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return UNKNOWN
    return UTF8
