"""What is known of one client, from its connection to its end."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Protocol

from gsubmit.auth.penalty import network_of
from gsubmit.dial.xclient import UNAVAILABLE, ClientFacts
from gsubmit.logs.text import safe_name
from gsubmit.message.body import MessageBody
from gsubmit.plugins.client import Client as PluginClient
from gsubmit.relay.promise import Delivery
from gsubmit.sasl.claims import Identity
from gsubmit.sasl.mechanism import Channel
from gsubmit.server.attempts import Attempts
from gsubmit.server.channel import channel_of
from gsubmit.server.endpoints import Endpoints
from gsubmit.server.service import Service
from gsubmit.server.transaction import Transaction
from gsubmit.server.wire import Wire
from gsubmit.smtp.envelope import Sender
from gsubmit.smtp.keywords import Situation
from gsubmit.tls.clientcertificate import is_shown
from gsubmit.tls.server import cipher_name


class LoginTimer(Protocol):
    """The time for the login, at whose end TimedOut is thrown into the session."""

    def start(self) -> None:
        """All of it from now on."""

    def cancel(self) -> None:
        """Not needed any more; it may be started again."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the client said in its last EHLO or HELO, and what it heard."""

    name: str = ""  # as a relay and the Received field may have it
    is_extended: bool = False  # EHLO, not HELO
    situation: Situation = field(default_factory=Situation)  # what it was answered from
    offered: frozenset[str] = frozenset()  # the keywords that were announced


UNGREETED = Greeting()  # before EHLO and HELO


@dataclass(frozen=True, slots=True)
class Login:
    """Who has logged in, and how."""

    identity: Identity
    mechanism: str
    password: str = field(default="", repr=False)  # only where an IMAP server gets it, as for BURL
    token: str = field(default="", repr=False)  # likewise
    backend: str = ""  # the server that serves the user, when that is another one


def label(user: str, session: str) -> str:
    """Who speaks, at the start of a line of the log; `user` is empty before the login."""
    return f"submission({safe_name(user)})<{session}>" if user else f"submission-login<{session}>"


def new_id() -> str:
    """What a session is called in the log and in Received fields."""
    return secrets.token_urlsafe(12)


class Session:
    """Facts about one client. What it said, who it is and what it sends are objects of their own, while they are so.

    What follows from these facts and is asked for with each message (`client`, `label`, `has_tls`) is made once.
    """

    def __init__(
        self, wire: Wire, service: Service, ends: Endpoints, login_timer: LoginTimer, id: str | None = None
    ) -> None:
        self.id = id or new_id()
        self.wire = wire
        self.service = service
        self.ends = ends
        self.login_timer = login_timer
        self.attempts = Attempts()
        self.greeting = UNGREETED
        self.login: Login | None = None
        self.transaction: Transaction | None = None
        self.transactions = 0
        self.commands = 0
        self.is_stopping = False  # no command after those that have come
        self.is_over = False  # nothing but the last words, and the end of what was begun
        self._since = time.monotonic()
        login_timer.start()

    @property
    def age(self) -> float:
        """Seconds since the client connected."""
        return time.monotonic() - self._since

    def greet(self, greeting: Greeting) -> None:
        """The client has said EHLO or HELO."""
        self.greeting = greeting
        self._forget("client", "as_plugins_see")

    def welcome(self, login: Login) -> None:
        """The client has logged in."""
        self.login = login
        self.login_timer.cancel()
        self._forget("client", "as_plugins_see", "label")

    def leave(self) -> None:
        """Whoever was logged in is not any longer."""
        if self.login is not None and not self.login.backend:
            for next_hop in self.service.next_hops:
                next_hop.leave(self.client)
            if self.service.settings.auth.mail_max_userip_connections:  # else nobody has counted it
                self.service.logins.state.leave(self.login.identity.user, self.ends.remote_ip)

    def restart(self) -> None:
        """Back to the state after the greeting: what was learnt without TLS is forgotten (RFC 3207 4.2)."""
        self.end_transaction()
        self.leave()
        if self.login is not None:
            self.login_timer.start()
        self.login = None
        self.greeting = UNGREETED
        self._forget("client", "as_plugins_see", "label", "channel", "has_tls")

    def introduce(self, ends: Endpoints, id: str) -> None:
        """A front end has said whose connection this is: all starts over (XCL-7), TLS stays."""
        self.restart()
        if id != self.id and self.wire.rawlog is not None:
            self.wire.rawlog.tell(id)
        self.ends, self.id = ends, id
        self._forget("network", "is_trusted")

    def _forget(self, *facts: str) -> None:
        """What these follow from has changed."""
        for fact in facts:
            self.__dict__.pop(fact, None)

    @property
    def next_id(self) -> str:
        """What the next transaction is called."""
        return f"{self.id}:T{self.transactions + 1}" if self.transactions else self.id

    def begin_transaction(self, sender: Sender, delivery: Delivery) -> Transaction:
        """MAIL was passed on. Its id is the session's, with a number from the second transaction on."""
        id = self.next_id
        self.transactions += 1
        body = MessageBody(self.service.settings.server.mail_temp_dir)
        self.transaction = Transaction(id, sender, delivery, body, self.greeting.situation.size, self.label)
        return self.transaction

    def end_transaction(self, cell: int = 0) -> None:
        """The one way a transaction ends, whatever became of it; `cell` as in Transaction.close."""
        transaction, self.transaction = self.transaction, None
        if transaction is not None:
            transaction.close(cell)

    def give_up_transaction(self) -> None:
        """End the transaction before its time; what the client was promised before is answered first."""
        if self.transaction is not None:
            self.wire.flush()
            self.end_transaction()

    def live_transaction(self) -> Transaction | None:
        """The transaction; one that is known to be void ends here (the relay refused the sender, or was lost)."""
        if self.transaction is not None and self.transaction.delivery.is_void:
            self.end_transaction()
        return self.transaction

    @cached_property
    def network(self) -> str:
        """The client's network, as penalties and places count it."""
        return network_of(self.ends.remote_ip)

    @cached_property
    def is_trusted(self) -> bool:
        """Whether the client is in login_trusted_networks."""
        return self.service.trusts(self.ends.remote_ip)

    @cached_property
    def is_front_end(self) -> bool:
        """Whether whoever speaks to us is in login_trusted_networks, and may say for whom it speaks (XCL-10)."""
        return self.service.trusts(self.ends.real_ip)

    @cached_property
    def has_tls(self) -> bool:
        """Whether the client speaks TLS, with us or with a front end that says so in its PROXY header (PPX-11)."""
        return self.wire.tls is not None or bool(self.ends.tls)

    @property
    def is_secured(self) -> bool:
        """Whether passwords are safe here: TLS, a client on this machine, or the administrator's word for it."""
        return (
            self.has_tls
            or self.ends.remote_ip == self.ends.local_ip
            or self.is_front_end
            or not self.service.settings.auth.disable_plaintext_auth
        )

    @cached_property
    def channel(self) -> Channel:
        """What mechanisms can build on; it changes only with TLS."""
        return channel_of(self.service, self.wire.tls, self.ends, is_secured=self.is_secured)

    @property
    def has_client_certificate(self) -> bool:
        """Whether the client has shown a certificate, which was verified in its handshake."""
        if self.ends.tls:
            return bool(self.ends.certificate_name) and self.service.settings.ssl.ssl_verify_client_cert
        return self.wire.tls is not None and is_shown(self.wire.tls)

    @cached_property
    def client(self) -> ClientFacts:
        """Who this is, for a relay that wants to know; the same object until EHLO or the login change it."""
        return ClientFacts(
            addr=self.ends.remote_ip,
            port=self.ends.remote_port,
            proto=self.ends.proto or ("ESMTP" if self.greeting.is_extended else "SMTP"),
            helo=self.greeting.name,
            login=self.login.identity.user if self.login is not None else "",
            session=self.id,
            name=UNAVAILABLE,  # we do not look; left out, Postfix would take our own name for it
            destname=self.ends.authority or self.service.hostname,
            destaddr=self.ends.local_ip,
            destport=self.ends.local_port,
            tls=self.ends.transport == "TLS" if self.ends.transport else self.has_tls,
        )

    @cached_property
    def as_plugins_see(self) -> PluginClient:
        """What plugins are told of the client; the same object until EHLO or the login change it."""
        ends, tls = self.ends, self.wire.tls
        login = self.login
        return PluginClient(
            session=self.id,
            remote_ip=ends.remote_ip,
            remote_port=ends.remote_port,
            local_ip=ends.local_ip,
            local_port=ends.local_port,
            tls=f"{tls.version()} {cipher_name(tls)}" if tls else "TLS" if self.has_tls else "",
            hello=self.greeting.name,
            user=login.identity.user if login is not None else "",
            master_user=login.identity.master_user if login is not None else "",
            mechanism=login.mechanism if login is not None else "",
            fields=MappingProxyType(dict(login.identity.fields) if login is not None else {}),
        )

    @cached_property
    def label(self) -> str:
        """Who this is, at the start of log lines."""
        return label(self.login.identity.user if self.login is not None else "", self.id)
