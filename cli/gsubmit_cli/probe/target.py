"""Whom a test submission talks to, and how: from the command line or from the relay of a configuration."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from gsubmit.settings.load import load
from gsubmit.tls.certificates import CertificateError, client_context
from gsubmit.tls.client import client_context as relay_context

TLS_MODES = ("starttls", "implicit", "none")
SUBMISSION_PORT = {"starttls": 587, "implicit": 465, "none": 587}
IMAP_PORT = {"starttls": 143, "implicit": 993, "none": 143}

_SERVER = re.compile(r"(?:\[(?P<literal>[^\[\]]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")
_RELAY_TLS = {"no": "none", "smtps": "implicit", "starttls": "starttls"}


@dataclass(frozen=True)
class Target:
    """A server with everything needed to talk to it; times in seconds."""

    host: str
    port: int
    tls: str
    context: ssl.SSLContext
    trust: str  # what makes a certificate of this server good, or why it is not asked
    user: str | None = None
    password: bytes = field(default=b"", repr=False)
    mechanism: str | None = None
    helo: str | None = None
    connect_timeout: float = 60.0
    command_timeout: float = 60.0
    configured: bool = False  # it is the relay of a configuration

    @property
    def verifies(self) -> bool:
        """Whether the certificate must be good."""
        return self.context.verify_mode == ssl.CERT_REQUIRED

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def server_address(text: str, default_port: int) -> tuple[str, int]:
    """Host and port of HOST[:PORT]. Raises ValueError."""
    match = _SERVER.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not HOST or HOST:PORT; an IPv6 address goes in brackets")
    port = int(match["port"] or default_port)
    if not 0 < port < 65536:
        raise ValueError(f"there is no port {port}")
    return match["literal"] or match["name"], port


def tls_context(verify: bool, ca_file: str = "", ca_dir: str = "") -> tuple[ssl.SSLContext, str]:
    """A client's TLS context, and in words whom it trusts. Raises ValueError when the CA file cannot be used."""
    if not verify:
        return unverified_context(), "any certificate is taken"
    try:
        context = client_context(ca_file, ca_dir)
    except CertificateError as error:
        raise ValueError(str(error)) from error
    return context, f"by {ca_file or ca_dir or 'the CAs of this system'}, and the name fits"


def unverified_context() -> ssl.SSLContext:
    """A client's TLS context that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def relay_target(path: Path) -> Target:
    """The relay of a configuration, spoken to as the server does. Raises ValueError, SettingsError."""
    settings = load(path).settings
    relay = settings.relay
    if not relay.submission_relay_host:
        raise ValueError("submission_relay_host is not set")
    verify, tls = relay.submission_relay_ssl_verify, settings.ssl_client
    _, trust = tls_context(verify, tls.ssl_client_ca_file, tls.ssl_client_ca_dir)
    try:
        context = relay_context(settings, verify=verify)
    except CertificateError as error:
        raise ValueError(str(error)) from error
    return Target(
        host=relay.submission_relay_host,
        port=relay.submission_relay_port,
        tls=_RELAY_TLS[relay.submission_relay_ssl],
        context=context,
        trust=trust,
        user=relay.submission_relay_user or None,
        password=relay.submission_relay_password.encode("utf-8", "surrogateescape"),
        mechanism="plain",  # the only one the server uses
        helo=settings.server.hostname or None,
        connect_timeout=relay.submission_relay_connect_timeout,
        command_timeout=relay.submission_relay_command_timeout,
        configured=True,
    )
