"""Mailbox names as IMAP commands hold them: modified UTF-7, quoted (RFC 3501 5.1.3, 4.3)."""

from __future__ import annotations

import binascii
import re

_TO_ENCODE = re.compile(r"&|[^\x20-\x7e]+")  # whole runs: a shift back and forth within one would be superfluous
_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")
_QUOTABLE = re.compile(r"[\x20-\x7e]*")
_TO_ESCAPE = re.compile(r'(["\\])')


class BadMailboxName(ValueError):
    """The text is no mailbox name, or cannot stand between quotes."""


def to_modified_utf7(name: str) -> str:
    """`name` in printable ASCII; `&` becomes `&-`. A lone surrogate is a BadMailboxName."""
    return _TO_ENCODE.sub(lambda found: "&-" if found[0] == "&" else f"&{_encode(found[0])}-", name)


def _encode(run: str) -> str:
    try:
        octets = run.encode("utf-16-be")
    except UnicodeEncodeError:
        raise BadMailboxName("lone surrogate in mailbox name") from None
    return binascii.b2a_base64(octets, newline=False).decode().rstrip("=").replace("/", ",")


def from_modified_utf7(text: str) -> str:
    """What `to_modified_utf7` made the text of; a BadMailboxName where it could not have made it."""
    try:
        name = _SHIFTED.sub(_decode, text)
    except ValueError:
        raise BadMailboxName("not modified UTF-7") from None
    if to_modified_utf7(name) != text:  # a server would not know it again
        raise BadMailboxName("not modified UTF-7")
    return name


def _decode(run: re.Match[str]) -> str:
    if not run[1]:
        return "&"
    octets = binascii.a2b_base64(run[1].replace(",", "/") + "=" * (-len(run[1]) % 4))
    return octets.decode("utf-16-be")


def quoted(text: str) -> str:
    """`text` as a quoted string of an IMAP command (RFC 3501 4.3).

    Only printable ASCII can stand there: a name in modified UTF-7 always can, other text may need a literal and is a
    BadMailboxName. A CR or LF would end the command, and what follows would be another one.
    """
    if not _QUOTABLE.fullmatch(text):
        raise BadMailboxName("not printable ASCII")
    return '"' + _TO_ESCAPE.sub(r"\\\1", text) + '"'
