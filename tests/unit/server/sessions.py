"""Real sessions over a pair of sockets, in any state, in front of a next hop that answers at once."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import gevent

from gsubmit.app.build import build_proxy, build_resolver
from gsubmit.auth.chain import build_chain
from gsubmit.dial.xclient import ClientFacts
from gsubmit.message.content import Content
from gsubmit.relay.asked import amended
from gsubmit.relay.promise import MakeHeader, Promise
from gsubmit.sasl.claims import Identity
from gsubmit.sasl.mechanisms import MECHANISMS
from gsubmit.server.commands.table import execute
from gsubmit.server.endpoints import Endpoints
from gsubmit.server.logins import Logins
from gsubmit.server.service import Service
from gsubmit.server.session import Login, Session
from gsubmit.server.wire import Wire
from gsubmit.settings.load import load_text
from gsubmit.smtp.capabilities import Capabilities
from gsubmit.smtp.envelope import Recipient, Sender
from gsubmit.smtp.reply import Refused, Reply
from gsubmit.tls.server import ServerTls
from tests.harness.serving import certificate_folder

ALL_KEYWORDS = ("SIZE 10000000", "8BITMIME", "BINARYMIME", "CHUNKING", "DSN", "SMTPUTF8", "VRFY")
STORED = Reply(250, "2.0.0", "Stored")
YES = Reply(250, "2.1.5", "Yes")


class Delivered:
    """A Delivery that keeps what it is given. Recipients are refused whose name begins with `bad` or `busy`, unless it `takes_all`."""

    def __init__(self, sender: Sender, answer: Reply, *, takes_all: bool = False) -> None:
        self._takes_all = takes_all
        self.sender = self._promise(sender, answer)
        self.is_final = True  # as the last `accepted` was told
        self.asked: list[Promise] = []
        self.messages: list[tuple[bytes, bytes]] = []
        self.final: Reply | Refused = STORED
        self.at_send: Callable[[], None] = lambda: None  # what happens meanwhile
        self.is_aborted = False
        self.facts = "here"
        self.owes_reports = False
        self.is_handed_over = False

    def _promise(self, request: Sender | Recipient, answer: Reply) -> Promise:
        promise = Promise(self, request)
        promise.answer = answer
        return promise

    def collect(self) -> None:
        """Every answer is there at once."""

    @property
    def is_void(self) -> bool:
        return self.sender.is_refused

    def recipient(self, recipient: Recipient) -> Promise:
        promise = self._promise(recipient, YES if self._takes_all else _answer(recipient))
        self.asked.append(promise)
        return promise

    def accepted(self, *, is_final: bool = True) -> list[Recipient]:
        self.is_final = is_final
        return self.not_refused

    @property
    def not_refused(self) -> list[Recipient]:
        return [cast(Recipient, promise.request) for promise in self.asked if not promise.is_refused]

    def amend(self, sender: Sender, recipients: Sequence[Recipient]) -> list[Promise]:
        relay = Capabilities.from_lines(ALL_KEYWORDS)
        wanted, _ = amended([self.sender, *self.asked], sender, recipients, self, relay)
        self.sender, self.asked = wanted[0], wanted[1:]
        for promise in wanted:
            promise.answer = promise.answer or _answer(promise.request)
        return [promise for promise in wanted if promise.is_refused]

    def send(self, make_header: MakeHeader, body: Content) -> Reply:
        self.messages.append((make_header(body), b"".join(body.blocks())))
        self.at_send()
        if isinstance(self.final, Refused):
            raise self.final
        return self.final

    def abort(self) -> None:
        self.is_aborted = True


def _answer(request: Sender | Recipient) -> Reply:
    path = request.reverse_path if isinstance(request, Sender) else request.forward_path
    name = path.local_part if path is not None else ""
    if name.startswith("busy"):
        return Reply(450, "4.2.1", "Busy")
    return Reply(550, "5.1.1", "No") if name.startswith("bad") else YES


@dataclass
class NextHop:
    """What the service calls its relay."""

    keywords: Iterable[str] = ALL_KEYWORDS
    answer: Reply = field(default_factory=lambda: Reply(250, "2.1.0", "Yes"))
    takes_all: bool = False
    owe_reports: bool = False
    deliveries: list[Delivered] = field(default_factory=list)
    verified: list[str] = field(default_factory=list)
    clients: list[ClientFacts] = field(default_factory=list)
    left: list[ClientFacts] = field(default_factory=list)

    def start(self) -> None:
        """It is there."""

    def close(self) -> None:
        """It stays."""

    def begin(self, sender: Sender, client: ClientFacts, label: str) -> Delivered:
        self.clients.append(client)
        self.deliveries.append(Delivered(sender, self.answer, takes_all=self.takes_all))
        self.deliveries[-1].owes_reports = self.owe_reports
        return self.deliveries[-1]

    def leave(self, client: ClientFacts) -> None:
        self.left.append(client)

    def capabilities(self) -> Capabilities:
        return Capabilities.from_lines(self.keywords)

    def verify(self, argument: str, client: ClientFacts, label: str) -> Reply:
        self.verified.append(argument)
        return Reply(252, "2.5.0", "Maybe")


@dataclass
class Client:
    """A session, the client's end of its connection, and the next hop behind it."""

    session: Session
    sock: socket.socket
    next_hop: NextHop

    def reply(self, line: str, content: bytes = b"") -> Reply:
        """The answer to one command; `content` is what follows it on the wire."""
        self.sock.sendall(content)
        answer = execute(self.session, line.encode())
        if answer is None:  # it has been sent already
            code, status, text = self.sock.recv(1000).decode().rstrip().split(" ", 2)
            return Reply(int(code), status, text)
        return answer if isinstance(answer, Reply) else answer.reply()

    def say(self, *lines: str) -> None:
        """Commands that are to succeed."""
        for line in lines:
            reply = self.reply(line)
            assert not reply.refuses, (line, reply)

    def log_in(self) -> None:
        self.session.login = Login(Identity("user"), "PLAIN")
        self.session.service.logins.state.enter("user", self.session.ends.remote_ip, 0)

    def start_tls(self) -> None:
        context = ssl.create_default_context(cafile=str(certificate_folder() / "ca.pem"))
        handshake = gevent.spawn(context.wrap_socket, self.sock, server_hostname="localhost")
        assert self.session.service.tls is not None
        self.session.wire.start_tls(self.session.service.tls.context("127.0.0.1"), 5.0)
        self.sock = handshake.get()

    @property
    def delivery(self) -> Delivered:
        return self.next_hop.deliveries[-1]

    @property
    def rest(self) -> bytes:
        """The next line that the server would read."""
        return self.session.wire.read_line()


@contextmanager
def connected(settings: str = "", next_hop: NextHop | None = None, remote_ip: str = "192.0.2.10") -> Iterator[Client]:
    folder = certificate_folder()
    loaded = load_text(
        f"hostname = msa.example.org\nssl_cert = <{folder}/cert.pem\nssl_key = <{folder}/key.pem\n{settings}"
    )
    next_hop = next_hop or NextHop()
    mechanisms = {name.upper(): MECHANISMS[name.upper()] for name in loaded.settings.auth.auth_mechanisms}
    tls = ServerTls(loaded.settings) if loaded.settings.ssl.ssl != "no" else None
    logins = Logins()
    resolver = build_resolver(loaded.settings, logins.state)
    proxy = build_proxy(loaded.settings)
    service = Service(loaded.settings, build_chain(loaded.settings), mechanisms, next_hop, tls, proxy, resolver, logins)
    ours, theirs = socket.socketpair()
    theirs.settimeout(5)
    session = Session(Wire(ours, 5.0), service, Endpoints(remote_ip, 40000, "127.0.0.1", 587), gevent.Timeout())
    client = Client(session, theirs, next_hop)
    try:
        yield client
    finally:
        session.end_transaction()
        session.wire.close()
        client.sock.close()
