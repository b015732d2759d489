"""Service: what every session shares, built once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from gsubmit.auth.chain import Chain
from gsubmit.relay.promise import Delivery
from gsubmit.relay.xclient import ClientFacts
from gsubmit.sasl.mechanism import Mechanism
from gsubmit.server.logins import Logins
from gsubmit.server.tls import ServerTls
from gsubmit.settings.sections import Settings
from gsubmit.smtp.capabilities import Capabilities
from gsubmit.smtp.envelope import Sender
from gsubmit.smtp.reply import Reply


class NextHops(Protocol):
    """Where messages go."""

    def begin(self, sender: Sender, client: ClientFacts, label: str) -> Delivery:
        """Start a mail transaction. Raises Refused."""

    def leave(self, client: ClientFacts) -> None:
        """This client begins no more transactions."""

    def capabilities(self) -> Capabilities:
        """What the next hop can do."""

    def verify(self, argument: str, client: ClientFacts) -> Reply:
        """The answer to VRFY. Raises Refused."""


@dataclass(frozen=True)
class Service:
    """The frozen bundle: settings, and what was built from them. `tls` is None with `ssl = no`."""

    settings: Settings
    chain: Chain
    mechanisms: dict[str, Mechanism]
    relay: NextHops
    tls: ServerTls | None
    logins: Logins = field(default_factory=Logins)

    @property
    def hostname(self) -> str:
        """Our name, in replies and trace fields."""
        return self.settings.server.hostname
