"""The two ends of a client's connection, and what front ends have said of the client behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_TTL = 7  # login proxies that a connection may pass, each of which takes one off: Dovecot's number


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses as text, the client's and the one that it connected to. Empty is what nobody has said.

    From a PROXY header: `tls` is the version of TLS that the client speaks with the front end, `certificate_name` the
    common name of the certificate that was verified there, and `authority` the server's name that it asked for (SNI).
    From XCLIENT: `peer_ip`, the address that the front end itself has, and all that follows `authority`, which DESTNAME
    may replace. `transport` is TLS or insecure, `forward` what login proxies tell each other's passdbs.
    """

    remote_ip: str
    remote_port: int
    local_ip: str
    local_port: int
    peer_ip: str = ""  # empty: the same as remote_ip
    tls: str = ""
    certificate_name: str = ""
    authority: str = ""
    helo: str = ""
    proto: str = ""
    ttl: int = MAX_TTL
    transport: str = ""
    forward: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def real_ip(self) -> str:
        """The address of whoever speaks to us: the client, or the front end that spoke of it by XCLIENT."""
        return self.peer_ip or self.remote_ip
