"""A header field made from text, for those who edit a message."""

from __future__ import annotations

import re

from gsubmit.message.encodedword import in_ascii
from gsubmit.message.fault import CannotConvert
from gsubmit.message.fields import Field, folded
from gsubmit.message.survey import MAX_LINE

_NAME = re.compile(r"[!-9;-~]{1,76}")  # RFC 5322 3.6.8; as long as a line should be
_BREAKS = re.compile(r"[\r\n\0]")
_CRLF = b"\r\n"


class BadField(ValueError):
    """The text cannot become a field; the message says why, without the text."""


def new_field(name: str, text: str, *, is_utf8: bool = False) -> Field:
    """A field with its name as it is written, and unfolded text; folded, and encoded where it is not ASCII (RFC 2047).

    `is_utf8`: the message is an internationalized one, and what cannot be encoded becomes UTF-8 as it is (RFC 6532);
    with the rest the message can still go to a relay that takes no such messages.

    Raises BadField: nothing may end the line, and with it the field (SIV-12).
    """
    if not _NAME.fullmatch(name):
        raise BadField("not the name of a header field")
    if _BREAKS.search(text):
        raise BadField(f"{name}: CR, LF or NUL in the value of a header field")
    try:
        line = f"{name}: {text}".encode()
        field = Field(name.lower().encode("ascii"), line + _CRLF)
        octets = folded(line) if line.isascii() else in_ascii(field)
    except UnicodeEncodeError:
        raise BadField(f"{name}: lone surrogates in the value of a header field") from None
    except CannotConvert as error:
        if not is_utf8:
            raise BadField(f"{name}: {error.reason}") from None
        octets = folded(line)
    if any(len(piece) > MAX_LINE for piece in octets.split(_CRLF)):
        raise BadField(f"{name}: a line that is too long, and cannot be folded")
    return Field(field.name, octets)
