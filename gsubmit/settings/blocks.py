"""The settings that stand inside blocks: listeners, passdbs, and certificates by name or address."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from gsubmit.settings.declare import (
    FileContent,
    addresses,
    boolean,
    port_or_none,
    setting,
    string,
    uint,
)

DEFAULT_CLIENT_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class InetListener:
    """A port to listen on: `inet_listener NAME { }` inside `service submission-login { }`."""

    name: str
    address: tuple[str, ...] = setting(addresses, (), "Addresses of this listener; empty means those of listen.")
    port: int = setting(port_or_none, 0, "TCP port; 0 switches the listener off.")
    ssl: bool = setting(boolean, False, "Whether TLS starts with the first octet, as on port 465.")

    def addresses(self, listen: tuple[str, ...]) -> tuple[str, ...]:
        """Where this listener is bound, given the setting `listen`."""
        return self.address or listen


SUBMISSION = InetListener("submission", port=587)
SUBMISSIONS = InetListener("submissions", port=465, ssl=True)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """`service submission-login { }`."""

    inet_listeners: tuple[InetListener, ...] = (SUBMISSION, SUBMISSIONS)
    client_limit: int = setting(uint, DEFAULT_CLIENT_LIMIT, "Most clients connected at the same time.")

    @staticmethod
    def default_listeners(*, tls: bool) -> tuple[InetListener, ...]:
        """The listeners when none is configured: 587, and 465 where there is TLS."""
        return (SUBMISSION, SUBMISSIONS) if tls else (SUBMISSION,)


@dataclass(frozen=True, slots=True)
class PassdbSettings:
    """`passdb { }`: a place to look users up; `file` and `line` tell where the block begins."""

    driver: str = setting(string, "", "Kind of the user database; passwd-file is the one there is.")
    args: str = setting(
        string, "", "For passwd-file: the file's path; before it may stand scheme= and username_format=."
    )
    file: Path = Path()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key, declared in SslSettings. Where a block sets only a part, the rest is the server's."""

    ssl_cert: FileContent
    ssl_key: FileContent = field(repr=False)
    ssl_key_password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LocalName(Certificate):
    """`local_name NAME... { }`: the certificate for clients that ask for one of `names` (SNI); `*.` is one label."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LocalAddress(Certificate):
    """`local ADDRESS { }`: the certificate for clients that connect to an address of `network`."""

    network: IPv4Network | IPv6Network
