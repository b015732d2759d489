"""Names in a gs2-header and in SCRAM messages (RFC 5801 4, RFC 5802 5.1): comma and equals sign are escaped."""

from __future__ import annotations

SASLNAME = rb"(?:[^=,\0]|=2C|=3D)+"  # a regular expression; UTF-8 is for the reader of the name to check


def unescaped(saslname: bytes) -> bytes:
    """The name that a match of SASLNAME means."""
    return saslname.replace(b"=2C", b",").replace(b"=3D", b"=")


def escaped(name: str) -> str:
    """The name as it is written."""
    return name.replace("=", "=3D").replace(",", "=2C")
