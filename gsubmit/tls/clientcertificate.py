"""Who a client is by its TLS certificate."""

from __future__ import annotations

import ssl
import time
from typing import Any

from gsubmit.settings.kinds import long_name


def user_name(sock: ssl.SSLSocket, field: str) -> str:
    """The user that a client's verified certificate names in `field` of its subject (RFC 4422 A.1), or "".

    Nobody is named by a certificate without the field, with several of them (each might be meant), or with one that
    holds anything that cannot be seen: a NUL or an invisible mark makes two names look alike.
    """
    certificate = _current(sock)
    if not certificate:
        return ""
    name = long_name(field)
    values: list[str] = [value for rdn in certificate["subject"] for key, value in rdn if key == name]
    return values[0] if len(values) == 1 and values[0].isprintable() else ""


def is_shown(sock: ssl.SSLSocket) -> bool:
    """Whether there is a verified certificate that has not expired."""
    return bool(_current(sock))


def _current(sock: ssl.SSLSocket) -> Any:
    try:
        certificate: Any = sock.getpeercert()  # None or empty unless it was verified
    except (ValueError, OSError):  # text that is not of the type it claims; no connection any more
        return None
    # A resumed session brings its certificate along without a new verification, and TLS 1.3 tickets can be renewed
    # again and again (RFC 8446 4.6.1).
    if not certificate or ssl.cert_time_to_seconds(certificate["notAfter"]) < time.time():
        return None
    return certificate
