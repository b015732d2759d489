"""Mailbox names as IMAP commands hold them: modified UTF-7, quoted (RFC 3501 5.1.3, 4.3)."""

from __future__ import annotations

import binascii
import re

_TO_ENCODE = re.compile(r"&|[^\x20-\x7e]+")  # whole runs: a shift back and forth within one would be superfluous
_SHIFTED = re.compile(r"&([^-]*)-")
_QUOTABLE = re.compile(r"[\x20-\x7e]*")
_TO_ESCAPE = re.compile(r'(["\\])')


class BadMailboxName(ValueError):
    """The text is no mailbox name, or not in modified UTF-7, or cannot stand between quotes."""


def to_modified_utf7(name: str) -> str:
    """`name` in printable ASCII; `&` becomes `&-`. A lone surrogate is a BadMailboxName."""
    return _TO_ENCODE.sub(lambda found: "&-" if found[0] == "&" else f"&{_encode(found[0])}-", name)


def from_modified_utf7(text: str) -> str:
    """The name that `text` stands for.

    A name has one right form, the one that `to_modified_utf7` makes. All else is a BadMailboxName: printable ASCII in
    base64, superfluous shifts, shifts that do not end, odd bits.
    """
    name = _SHIFTED.sub(lambda shift: _decode(shift[1]) if shift[1] else "&", text)
    if to_modified_utf7(name) != text:
        raise BadMailboxName("invalid modified UTF-7")
    return name


def _encode(run: str) -> str:
    try:
        octets = run.encode("utf-16-be")
    except UnicodeEncodeError:
        raise BadMailboxName("lone surrogate in mailbox name") from None
    return binascii.b2a_base64(octets, newline=False).decode().rstrip("=").replace("/", ",")


def _decode(base64: str) -> str:
    padding = "=" * (-len(base64) % 4)
    try:
        return binascii.a2b_base64(base64.replace(",", "/") + padding, strict_mode=True).decode("utf-16-be")
    except ValueError:
        raise BadMailboxName("invalid modified UTF-7") from None


def quoted(text: str) -> str:
    """`text` as a quoted string of an IMAP command (RFC 3501 4.3).

    Only printable ASCII can stand there: a name in modified UTF-7 always can, other text may need a literal and is a
    BadMailboxName. A CR or LF would end the command, and what follows would be another one.
    """
    if not _QUOTABLE.fullmatch(text):
        raise BadMailboxName("not printable ASCII")
    return '"' + _TO_ESCAPE.sub(r"\\\1", text) + '"'
