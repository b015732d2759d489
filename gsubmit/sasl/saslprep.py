"""SASLprep (RFC 4013): how SCRAM takes names and passwords."""

from __future__ import annotations

from passlib.utils import saslprep


def prepared(text: str) -> bytes:
    """The text as SCRAM takes it, in UTF-8. ValueError for one that it cannot take, without any part of it."""
    try:
        octets: bytes = saslprep(text).encode("utf-8")
    except ValueError:
        raise ValueError("has characters that SASLprep forbids") from None
    if not octets:
        raise ValueError("is empty after SASLprep")
    return octets
