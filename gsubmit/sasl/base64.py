"""Base64 as logins need it: strict, for a decoder that skips bad characters lets two parsers disagree (RFC 4954 4)."""

from __future__ import annotations

import binascii


def decode(text: str | bytes) -> bytes:
    """The octets, or ValueError. The lone `=` of an empty initial response is not base64."""
    try:
        octets = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise ValueError("invalid base64") from None
    if len(text) != (len(octets) + 2) // 3 * 4:  # Python 3.11 lets `AAAA====` pass
        raise ValueError("invalid base64")
    return octets
