"""Charsets: what 8-bit octets in a header are in, as far as that can be known, and the codecs of those with a name."""

from __future__ import annotations

import re
from encodings import normalize_encoding
from encodings.aliases import aliases
from functools import lru_cache
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

_HALVES = re.compile("[\ud800-\udfff]")
MAX_NAME = 40  # characters; RFC 2978 2.3
_NO_TEXT = {"base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec", "mbcs"}
_CODECS = {name: codec for name, codec in aliases.items() if codec not in _NO_TEXT}
_CODECS |= {codec: codec for codec in _CODECS.values()}
_CODECS |= {"koi8_u": "koi8_u", "windows_874": "cp874", "iso_8859_8_i": "iso8859_8", "iso_8859_8_e": "iso8859_8"}


def charset_of(octets: bytes) -> Charset:
    """UTF-8 when it is that, else unknown."""
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return UNKNOWN
    return UTF8


def codec_of(name: str) -> str | None:
    """Python's codec for a charset that a message names; None when there is none.

    Python is asked for those in a list only: it keeps each name that it has looked for, and has codecs for what no mail
    is in, such as punycode, which takes the square of its length.
    """
    return _codec_of(name) if len(name) <= MAX_NAME else None


def cleaned(text: str) -> str:
    """What a codec has decoded, without halves of characters, which UTF-7 can spell and nobody can write."""
    return _HALVES.sub("\ufffd", text)


@lru_cache(maxsize=64)  # there are few in all mail
def _codec_of(name: str) -> str | None:
    return _CODECS.get(normalize_encoding(name.lower()))
