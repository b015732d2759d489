"""xtext, the encoding of parameter values (RFC 3461 4)."""

from __future__ import annotations

import re

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2})*")
_HEXCHAR = re.compile(r"\+([0-9A-Fa-f]{2})")
_TO_ENCODE = re.compile(r"[^!-*,-<>-~]")


def decode(text: str) -> str:
    """The text that `text` stands for; octets above 0x7F come out as Latin-1. Raises ValueError when malformed."""
    if not _XTEXT.fullmatch(text):
        raise ValueError("invalid xtext")
    return _HEXCHAR.sub(lambda pair: chr(int(pair[1], 16)), text)


def encode(text: str) -> str:
    """`text` as xtext, its non-ASCII characters by their UTF-8 octets."""
    return _TO_ENCODE.sub(lambda odd: "".join(f"+{octet:02X}" for octet in odd[0].encode()), text)
