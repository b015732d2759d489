"""The base64 of AUTH lines: strict, for a decoder that skips bad characters lets two parsers disagree (RFC 4954 4)."""

from __future__ import annotations

import binascii

from gsubmit.sasl.claims import MalformedResponse


def decode(text: str) -> bytes:
    """The octets of one response, or MalformedResponse. The lone `=` of an empty initial response is not base64."""
    try:
        octets = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise MalformedResponse("invalid base64") from None
    if len(text) != (len(octets) + 2) // 3 * 4:  # Python 3.11 lets `AAAA====` pass
        raise MalformedResponse("invalid base64")
    return octets
