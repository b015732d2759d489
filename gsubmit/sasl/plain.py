"""PLAIN (RFC 4616)."""

from __future__ import annotations

from gsubmit.sasl.mechanism import Cleartext, Exchange, MalformedResponse, Mechanism


def plain() -> Exchange:
    """One message: `[authzid] NUL authcid NUL passwd`."""
    response = yield b""
    fields = response.split(b"\0")
    if len(fields) != 3:
        raise MalformedResponse("not two NULs")
    return Cleartext.from_octets(*fields)


PLAIN = Mechanism("PLAIN", plain, cleartext=True)
