"""What a SASL mechanism is, and the credentials it ends with (RFC 4422 3)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Self

MAX_FIELD = 1024  # octets of one name or password; RFC 4616 2 asks for at least 255


class MalformedResponse(Exception):
    """The client's response breaks the rules of its mechanism. The text never holds any part of the response."""


@dataclass(frozen=True)
class Cleartext:
    """Who wants to log in, as whom, and the password as it was typed."""

    authentication_id: str
    authorization_id: str  # empty: the same as authentication_id
    password: str = field(repr=False)

    @classmethod
    def from_octets(cls, authorization_id: bytes, authentication_id: bytes, password: bytes) -> Self:
        """The credentials in a client's octets, or MalformedResponse (RFC 4616 2)."""
        if not authentication_id or not password:
            raise MalformedResponse("empty user name or password")
        return cls(
            authentication_id=_name(authentication_id),
            authorization_id=_name(authorization_id),
            password=_text(password),
        )


Exchange = Generator[bytes, bytes, Cleartext]
"""One run of a mechanism: yields challenges, is sent responses (both before base64), returns the credentials.

The driver passes an initial response as the answer to the first challenge, which it then does not send.
"""


@dataclass(frozen=True)
class Mechanism:
    """One row of the EHLO keyword AUTH."""

    name: str
    start: Callable[[], Exchange]
    cleartext: bool  # the password crosses the wire readable, so TLS is asked for first (RFC 4954 4)
    server_first: bool = False  # the first challenge is not empty, so an initial response is an error


def _text(octets: bytes) -> str:
    if len(octets) > MAX_FIELD:
        raise MalformedResponse("user name or password too long")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        # The cause would hold the octets.
        raise MalformedResponse("not UTF-8") from None


def _name(octets: bytes) -> str:
    """A user name without control characters: no back end, log or relay is to see them."""
    name = _text(octets)
    if not name.isprintable() and any(unicodedata.category(character) == "Cc" for character in name):
        raise MalformedResponse("control character in user name")
    return name
