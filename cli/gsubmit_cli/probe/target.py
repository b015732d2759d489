"""Whom a test submission talks to, and how: from the command line or from the relay of a configuration."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gsubmit.app.build import CannotStart, next_hop
from gsubmit.dial.nexthop import NO_LOGIN, NextHop
from gsubmit.settings.hosts import host_and_port
from gsubmit.tls.certificates import CertificateError, client_context
from gsubmit_cli.config import loaded_from

TLS_MODES = ("starttls", "implicit", "none")
SUBMISSION_PORT = {"starttls": 587, "implicit": 465, "none": 587}
IMAP_PORT = {"starttls": 143, "implicit": 993, "none": 143}

_SERVER = re.compile(r"(?:\[(?P<literal>[^\[\]]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")
ANY = "any certificate is taken"

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
    timeout: float = 60.0
    hop: NextHop | None = None  # it is the relay of a configuration, and this is how the server reaches it

    @property
    def configured(self) -> bool:
        """Whether it is the relay of a configuration."""
        return self.hop is not None

    @property
    def verifies(self) -> bool:
        """Whether the certificate must be good."""
        return self.context.verify_mode == ssl.CERT_REQUIRED

    @property
    def plain(self) -> bytes:
        """What PLAIN says of the user, without an authorization id (RFC 4616 2)."""
        return b"\0" + (self.user or "").encode("utf-8", "surrogateescape") + b"\0" + self.password

    def without_trust(self, why: str) -> Target:
        """The same, to look at its certificate, whoever it is: nobody logs in there."""
        context = client_context("", "", verify=False)
        hop = replace(self.hop, context=context, login=NO_LOGIN, trusted=False) if self.hop else None
        return replace(self, context=context, trust=why, hop=hop)

    def __str__(self) -> str:
        return str(self.hop) if self.hop is not None else host_and_port(self.host, self.port)


def server_address(text: str, default_port: int) -> tuple[str, int]:
    """Host and port of HOST[:PORT]. Raises ValueError."""
    match = _SERVER.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not HOST or HOST:PORT; an IPv6 address goes in brackets")
    port = int(match["port"] or default_port)
    if not 0 < port < 65536:
        raise ValueError(f"there is no port {port}")
    return match["literal"] or match["name"], port


def server_target(
    server: str, ports: Mapping[str, int], tls: str | None, ca: Path | None, timeout: float, *, insecure: bool
) -> Target:
    """The server HOST[:PORT], `ports` by the kind of TLS. Raises ValueError, also when the CA file cannot be used.

    Where nothing is said of TLS, the port for TLS from the start means just that.
    """
    host, port = server_address(server, ports[tls or "starttls"])
    tls = tls or ("implicit" if port == ports["implicit"] else "starttls")
    trusts = tls != "none" and not insecure
    authorities = str(ca or "") if trusts else ""
    try:
        context = client_context(authorities, "", verify=trusts)
    except CertificateError as error:
        raise ValueError(str(error)) from error
    trust = _trust(authorities) if trusts else ANY
    return Target(host, port, tls, context, trust, timeout=timeout)


def _trust(authorities: str) -> str:
    return f"by {authorities or 'the CAs of this system'}, and the name fits"


def relay_target(path: Path) -> Target:
    """The relay of a configuration, spoken to as the server does. Raises ValueError, SettingsError."""
    settings = loaded_from(path).settings
    try:
        hop = next_hop(settings)
    except CannotStart as error:
        raise ValueError(str(error)) from error
    if hop is None:
        raise ValueError("submission_relay_host is not set")
    context = hop.context or client_context("", "", verify=False)
    own = settings.ssl.client
    trusts = context.verify_mode == ssl.CERT_REQUIRED
    return Target(
        host=hop.host,
        port=hop.port,
        tls=_RELAY_TLS[hop.tls],
        context=context,
        trust=_trust(own.ssl_client_ca_file or own.ssl_client_ca_dir) if trusts else ANY,
        user=hop.login.user or None,
        helo=hop.hostname,
        timeout=hop.command_timeout,
        hop=hop,
    )
