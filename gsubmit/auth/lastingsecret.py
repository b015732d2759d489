"""A secret that is the same after a restart and after a reload, without a file of our own."""

from __future__ import annotations

import hmac
import secrets
from pathlib import Path

MACHINE_ID = Path("/etc/machine-id")
_PURPOSE = b"gsubmit: salts of nobody"
_PROCESS = secrets.token_bytes(32)


def lasting_secret(tls_key: bytes) -> bytes:
    """32 octets, made of what the server has anyway; `tls_key` is the private key in PEM, or empty.

    The identity of the machine comes first, hashed as machine-id(5) asks for: unlike a TLS key it stays when the
    certificate is renewed, and then the salts that are stored would be those that did not change. Where there is none,
    as in many containers, it is the key; with neither the secret ends with the process.
    """
    material = _machine_id() or tls_key or _PROCESS
    return hmac.digest(material, _PURPOSE, "sha256")


def _machine_id() -> bytes:
    """Empty where there is none, or not yet."""
    try:
        text = MACHINE_ID.read_bytes().strip()
    except OSError:
        return b""
    return text if len(text) == 32 and text.strip(b"0") else b""  # 32 hexadecimal digits
