"""Where the relay is and how to speak to it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field


@dataclass(frozen=True)
class NextHop:
    """Everything that makes one connection to the relay like another. Times in seconds."""

    host: str
    port: int
    hostname: str  # ours, for EHLO
    connect_timeout: float = 30.0
    command_timeout: float = 300.0
    tls: str = "no"  # no, smtps or starttls
    context: ssl.SSLContext | None = field(default=None, repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    rawlog_dir: str = ""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def client_context(
    verify: bool, ca_file: str, ca_dir: str, minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
) -> ssl.SSLContext:
    """The TLS settings for connections that we make. Raises OSError (ssl.SSLError is one) for unusable CA files."""
    context = ssl.create_default_context(cafile=ca_file or None, capath=ca_dir or None)
    context.minimum_version = minimum
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
