"""Service: what every session shares, built once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, TypeAlias

from gsubmit.auth.chain import Chain
from gsubmit.burl.resolver import Resolver
from gsubmit.message.fixups import FixUps
from gsubmit.plugins.runner import Plugins
from gsubmit.proxy.loginproxy import LoginProxy
from gsubmit.relay.promise import NextHops
from gsubmit.sasl.mechanism import Mechanism
from gsubmit.senders.senders import Senders
from gsubmit.server.logins import Logins
from gsubmit.settings.sections import Settings
from gsubmit.smtp.reply import Reply
from gsubmit.tls.server import ServerTls

if TYPE_CHECKING:
    from gsubmit.scripts.scripts import Scripts  # which are not loaded where nobody has any
    from gsubmit.sent.keeper import SentCopies

Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Service:
    """The frozen bundle: settings, and what was built from them. `tls` is None with `ssl = no`."""

    settings: Settings
    chain: Chain
    mechanisms: dict[str, Mechanism]
    relay: NextHops
    tls: ServerTls | None
    proxy: LoginProxy
    resolver: Resolver
    logins: Logins = field(default_factory=Logins)
    fixups: FixUps | None = None
    senders: Senders | None = None
    sent: SentCopies | None = None
    scripts: Scripts | None = None
    plugins: Plugins = field(default_factory=Plugins)
    relays: Mapping[str, NextHops] = field(default_factory=dict)  # those that plugins may choose, by name

    @cached_property
    def prepares(self) -> bool:
        """Whether anything is done to messages before they leave."""
        if self.fixups is not None or self.scripts is not None or self.plugins.message:
            return True
        return self.senders is not None and self.senders.checks_header

    def amends(self, user: str) -> bool:
        """Whether a complete message of a user's is likely to get another envelope."""
        return bool(self.plugins.amending) or (self.scripts is not None and user in self.scripts.amending)

    @cached_property
    def relay_names(self) -> frozenset[str]:
        """Of those that plugins may choose."""
        return frozenset(self.relays)

    @property
    def next_hops(self) -> tuple[NextHops, ...]:
        """The relay, and those that have a name."""
        return self.relay, *self.relays.values()

    def relay_named(self, name: str) -> NextHops:
        """A relay by the name of its block; without one it is that outside of blocks."""
        return self.relays[name] if name else self.relay

    @cached_property
    def trusted_networks(self) -> tuple[Network, ...]:
        """The networks of login_trusted_networks."""
        return _networks(self.settings.auth.login_trusted_networks)

    @cached_property
    def haproxy_networks(self) -> tuple[Network, ...]:
        """The networks of haproxy_trusted_networks."""
        return _networks(self.settings.auth.haproxy.trusted_networks)

    @cached_property
    def forwards(self) -> bool:
        """Whether IMAP servers are shown passwords or tokens of clients."""
        return self.resolver.forwards or (self.sent is not None and not self.sent.has_master)

    @cached_property
    def binds_channels(self) -> bool:
        """Whether any mechanism uses channel bindings."""
        return any(mechanism.binds for mechanism in self.mechanisms.values())

    def trusts(self, address: str) -> bool:
        """Whether an address is in login_trusted_networks: a server with many users of its own."""
        return _is_in(address, self.trusted_networks)

    def believes(self, address: str) -> bool:
        """Whether an address is in haproxy_trusted_networks: a front end that says whom a connection is for."""
        return _is_in(address, self.haproxy_networks)

    @property
    def has_penalty(self) -> bool:
        """Whether failed logins make later ones wait."""
        return self.settings.auth.auth_penalty and self.settings.services.has_penalty

    @cached_property
    def greeting(self) -> Reply:
        """What a client gets first."""
        return Reply(220, "", f"{self.hostname} {self.settings.server.login_greeting}")

    @property
    def hostname(self) -> str:
        """Our name, in replies and trace fields."""
        return self.settings.server.hostname


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    return tuple(ip_network(text, strict=False) for text in texts)


def _is_in(address: str, networks: tuple[Network, ...]) -> bool:
    return bool(networks) and any(ip_address(address) in network for network in networks)
