"""What is known of one client, from its connection to its end."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

from gsubmit.auth.penalty import network_of
from gsubmit.dial.xclient import UNAVAILABLE, ClientFacts
from gsubmit.message.body import MessageBody
from gsubmit.relay.promise import Delivery
from gsubmit.sasl.claims import Identity
from gsubmit.sasl.mechanism import Channel
from gsubmit.server import journal
from gsubmit.server.attempts import Attempts
from gsubmit.server.channel import channel_of
from gsubmit.server.service import Service
from gsubmit.server.transaction import Transaction
from gsubmit.server.wire import Wire
from gsubmit.smtp.envelope import Sender
from gsubmit.smtp.keywords import Situation
from gsubmit.tls.clientcertificate import is_shown

# Starts the time for the login, at whose end TimedOut is thrown into the session; gives what stops it.
LoginTimer = Callable[[], Callable[[], None]]


class Endpoints(NamedTuple):
    """Addresses of a connection, as text."""

    remote_ip: str
    remote_port: int
    local_ip: str
    local_port: int


class Session:
    """Facts about one client; each is None or empty until it is true."""

    def __init__(
        self, wire: Wire, service: Service, ends: Endpoints, start_login_timer: LoginTimer = lambda: lambda: None
    ) -> None:
        self.id = secrets.token_urlsafe(12)
        self.wire = wire
        self.service = service
        self.ends = ends
        self._start_login_timer = start_login_timer
        self.stop_login_timer = start_login_timer()
        self.hello: str | None = None
        self.is_extended = False  # greeted with EHLO
        self.situation = Situation()  # what the last EHLO was answered from
        self.offered: frozenset[str] = frozenset()  # the keywords that it announced
        self.identity: Identity | None = None
        self.mechanism = ""
        self.password = ""  # what the client logged in with, only where BURL passes it on to an IMAP server
        self.has_bound = False  # a channel binding was used in a login
        self.network = network_of(ends.remote_ip)
        self.is_trusted = service.trusts(ends.remote_ip)
        self.attempts = Attempts()
        self.transaction: Transaction | None = None
        self.transactions = 0
        self.commands = 0
        self._client: ClientFacts | None = None
        self._label = ""
        self._channel: Channel | None = None
        self.is_stopping = False  # no command after those that have come
        self.is_over = False  # nothing but the last words, and the end of what was begun
        self.end = journal.BY_CLIENT
        self._since = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since the client connected."""
        return time.monotonic() - self._since

    def forget_client(self) -> None:
        """What a relay and the log are told of the client has changed: its name, its login, or TLS."""
        self._client = None
        self._label = ""

    def leave(self) -> None:
        """Whoever was logged in is so no more."""
        if self.identity is not None:
            self.service.relay.leave(self.client)
            self.service.logins.leave(self.identity.user, self.ends.remote_ip)

    def restart(self) -> None:
        """Back to the state after the greeting: what was learnt without TLS is forgotten (RFC 3207 4.2)."""
        self.end_transaction()
        self.leave()
        self._channel = None
        self.hello = None
        self.offered = frozenset()
        if self.identity is not None:
            self.identity = None
            self.password = ""
            self.stop_login_timer = self._start_login_timer()
        self.forget_client()

    def begin_transaction(self, sender: Sender, delivery: Delivery) -> None:
        """MAIL was passed on."""
        body = MessageBody(self.service.settings.server.mail_temp_dir)
        self.transaction = Transaction(self.new_transaction_id(), sender, delivery, body, self.situation.size)

    def end_transaction(self) -> None:
        """The one way a transaction ends, whatever became of it."""
        transaction, self.transaction = self.transaction, None
        if transaction is not None:
            transaction.close()

    def give_up_transaction(self) -> None:
        """End the transaction because the client says so; what it was promised before is answered first."""
        if self.transaction is not None:
            self.wire.flush()
            self.end_transaction()

    def live_transaction(self) -> Transaction | None:
        """The transaction; one that is known to be void ends here (the relay refused the sender, or was lost)."""
        if self.transaction is not None and self.transaction.delivery.is_void:
            self.end_transaction()
        return self.transaction

    @property
    def is_secured(self) -> bool:
        """Whether passwords are safe here: TLS, a client on this machine, or the administrator's word for it."""
        return (
            self.wire.tls is not None
            or self.ends.remote_ip == self.ends.local_ip
            or self.is_trusted
            or not self.service.settings.auth.disable_plaintext_auth
        )

    @property
    def channel(self) -> Channel:
        """What mechanisms can build on; it changes only with TLS."""
        if self._channel is None:
            self._channel = channel_of(self)
        return self._channel

    @property
    def has_client_certificate(self) -> bool:
        """Whether the client has shown a certificate, which the handshake has verified."""
        return self.wire.tls is not None and is_shown(self.wire.tls)

    def new_transaction_id(self) -> str:
        """The session's id, with a number from the second transaction on."""
        self.transactions += 1
        return self.id if self.transactions == 1 else f"{self.id}:T{self.transactions}"

    @property
    def client(self) -> ClientFacts:
        """Who this is, for a relay that wants to know; the same object until EHLO or the login change it."""
        if self._client is None:
            self._client = self._client_facts()
        return self._client

    def _client_facts(self) -> ClientFacts:
        return ClientFacts(
            addr=self.ends.remote_ip,
            port=self.ends.remote_port,
            proto="ESMTP" if self.is_extended else "SMTP",
            helo=self.hello or "",
            login=self.identity.user if self.identity else "",
            session=self.id,
            name=UNAVAILABLE,  # we do not look; left out, Postfix would take our own name for it
            reverse_name=UNAVAILABLE,
            destname=self.service.hostname,
            destaddr=self.ends.local_ip,
            destport=self.ends.local_port,
            tls=self.wire.tls is not None,
        )

    @property
    def label(self) -> str:
        """Who this is, at the start of log lines."""
        if not self._label:
            self._label = journal.label(self.identity.user if self.identity else "", self.id)
        return self._label
