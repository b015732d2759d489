"""Messages handed in by BURL: a server between a real IMAP server and a relay that notes every octet."""

from __future__ import annotations

import os
import re
import signal
import smtplib
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import gevent

from tests.harness.fakerelay import FakeRelay
from tests.harness.imapclient import ImapClient
from tests.harness.peer_cyrus import Cyrus
from tests.harness.peer_dovecot_imap import DovecotImap
from tests.harness.peer_process import HOST, answers, eventually
from tests.harness.relayscript import KEYWORDS, RelayScript
from tests.harness.serving import Serving, certificate_folder, serving

Store = Cyrus | DovecotImap

GATE = "127.0.0.2"  # the host in URLs: the server behind it listens on the same port of 127.0.0.1
PIDS = {Cyrus: "pid", DovecotImap: "run/master.pid"}
PASSWORD = "secret"
USERS = ("joe", "fred", "joe@example.org")
BLOCK = 65536
_RECEIVED = re.compile(rb"\AReceived: [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*")

SUBMIT = "imap_urlauth_submit_password = secret\n"
MASTER = "imap_urlauth_master_user = proxy\nimap_urlauth_master_password = secret\n"
FORWARD = "imap_urlauth_forward_credentials = yes\n"
URLFETCH = f"imap_urlauth_method = urlfetch\n{SUBMIT}"
OWNER = f"imap_urlauth_method = owner\n{MASTER}"
LENT = f"imap_urlauth_method = owner\n{FORWARD}"
AUTO = SUBMIT + MASTER
WAYS = {
    "Cyrus, urlfetch": ("cyrus", URLFETCH),
    "Cyrus, owner": ("cyrus", OWNER),
    "Dovecot, owner": ("dovecot", OWNER),
    "Dovecot, forwarded": ("dovecot", LENT),
}

HEADER = b"From: <joe@example.org>\r\nSubject: put together\r\nMIME-Version: 1.0\r\n"
MESSAGE = (
    HEADER
    + b"""\
Content-Type: multipart/mixed; boundary=b\r
\r
.a preamble that begins with a dot\r
--b\r
Content-Type: text/plain\r
Content-Transfer-Encoding: base64\r
\r
aGVsbG8=\r
--b\r
\r
second\r
..\r
--b--\r
"""
)
ADDED = "250 2.5.0 Added {} octets"
SENT = "250 2.0.0 Queued"


@dataclass
class Gate:
    """What lets connections through to a server, and counts them and the octets that come from there.

    With `most` octets passed, no more pass, until it is None again.
    """

    port: int
    to: int
    host: str = GATE
    opened: int = 0
    passed: int = 0
    most: int | None = None
    _greenlets: list[gevent.Greenlet[..., None]] = field(default_factory=list)

    def serve(self, listener: socket.socket) -> None:
        while True:
            client, _ = listener.accept()
            self.opened += 1
            try:
                server = socket.create_connection((HOST, self.to))
            except OSError:
                client.close()
                continue
            self._greenlets += [
                gevent.spawn(self._pump, client, server, False),
                gevent.spawn(self._pump, server, client, True),
            ]

    def _pump(self, source: socket.socket, target: socket.socket, is_servers: bool) -> None:
        try:
            with suppress(OSError):
                while octets := source.recv(BLOCK):
                    if is_servers:
                        if self.most is not None:
                            octets = octets[: max(self.most - self.passed, 0)]
                        self.passed += len(octets)
                    target.sendall(octets)
        finally:
            source.close()
            target.close()

    def shut(self) -> None:
        """End all connections."""
        gevent.killall(self._greenlets)


@contextmanager
def gate(port: int, to: int = 0, host: str = GATE) -> Iterator[Gate]:
    """A gate on a port of `host`, to the same port of 127.0.0.1 or another one."""
    way = Gate(port, to or port, host)
    with socket.create_server((host, port)) as listener:
        accepting = gevent.spawn(way.serve, listener)
        try:
            yield way
        finally:
            accepting.kill()
            way.shut()


class BurlClient(smtplib.SMTP):
    """A client that is logged in. Replies are told as lines of text."""

    def __init__(self, port: int, user: str = "joe", password: str = PASSWORD) -> None:
        super().__init__(HOST, port, "client.example.org", 60.0)
        self.ehlo()
        if user:
            self.login(user, password)
            self.ehlo()

    @property
    def keyword(self) -> str | None:
        """The parameters of BURL, as the last EHLO had them."""
        return self.esmtp_features.get("burl")

    def begin(self, mail: str = "", rcpt: str = "") -> None:
        """MAIL and RCPT, with parameters."""
        assert self.docmd("MAIL", f"FROM:<joe@example.org> {mail}".rstrip())[0] == 250
        assert self.docmd("RCPT", f"TO:<rcpt@example.net> {rcpt}".rstrip())[0] == 250

    def say(self, line: str) -> str:
        """The reply to a command."""
        return _told(self.docmd(line))

    def burl(self, url: str, marker: str = "") -> str:
        return self.say(f"BURL {url} {marker}".rstrip())

    def bdat(self, octets: bytes, marker: str = "") -> str:
        assert self.sock is not None
        self.sock.sendall(f"BDAT {len(octets)} {marker}".rstrip().encode() + b"\r\n" + octets)
        return _told(self.getreply())

    def submit(self, url: str) -> str:
        """A whole transaction with one URL; the last reply."""
        self.begin()
        return self.burl(url, "LAST")


def _told(reply: tuple[int, bytes]) -> str:
    return f"{reply[0]} {reply[1].decode()}"


@dataclass(frozen=True)
class Submission:
    """A server with its relay."""

    serving: Serving
    relay: FakeRelay

    def client(self, user: str = "joe", password: str = PASSWORD) -> BurlClient:
        return BurlClient(self.serving.port, user, password)

    @property
    def log(self) -> str:
        return self.serving.log_text

    @property
    def relayed(self) -> list[bytes]:
        """The messages that the relay got, without our Received field; it has nothing to complain of."""
        assert self.relay.faults == []
        contents = [mail.content for mail in self.relay.accepted]
        assert all(_RECEIVED.match(content) for content in contents)
        return [_RECEIVED.sub(b"", content, count=1) for content in contents]

    @property
    def relayed_nothing(self) -> bool:
        """Whether no content came near the relay."""
        said = [line[:4].upper() for talk in self.relay.talks for line in talk.heard]
        return not self.relay.mails and not {b"DATA", b"BDAT"} & set(said)


@contextmanager
def submission(settings: str = "", keywords: Sequence[str] = KEYWORDS) -> Iterator[Submission]:
    """Serve joe and fred with these settings, in front of a relay with these keywords."""
    users = certificate_folder() / "mailbox-users"
    users.write_text("".join(f"{user}:{{PLAIN}}{PASSWORD}\n" for user in USERS))
    passdb = f"passdb {{\n driver = passwd-file\n args = {users}\n}}\n"
    relay = FakeRelay(RelayScript(tuple(keywords)))
    relay.start()
    try:
        with serving(passdb + settings, relay.port) as server:
            yield Submission(server, relay)
    finally:
        relay.stop()


@dataclass(frozen=True)
class Setup:
    """One of the ways to resolve URLs, and joe with his client and his mailboxes."""

    store: Store
    settings: str
    owner: ImapClient

    @contextmanager
    def submission(self, keywords: Sequence[str] = KEYWORDS) -> Iterator[tuple[Submission, BurlClient]]:
        with submission(at(self.store.authority, self.settings), keywords) as server, server.client() as client:
            yield server, client

    def stored(self, message: bytes = MESSAGE, mailbox: str = "INBOX", readable: str = "") -> str:
        """The URL of a new message, without a token."""
        place = self.owner.append(mailbox, message)
        return self.store.url("joe", readable or mailbox, *place)

    def authorized(self, url: str) -> str:
        return self.owner.genurlauth(f"{url};URLAUTH=submit+joe")


def at(authority: str, settings: str) -> str:
    """The settings for the one IMAP server, which its URLs call so."""
    host, _, port = authority.rpartition(":")
    return f"imap_urlauth_host = {host}\nimap_urlauth_port = {port}\n{settings}"


def forged(url: str) -> str:
    """The URL with another token."""
    return url[:-1] + ("0" if url[-1] != "0" else "1")


def pid(store: Store) -> int:
    """Of the server's first process, and of its group."""
    return int((store.folder / PIDS[type(store)]).read_text())


def kill(store: Store) -> None:
    """End it with all its children: after SIGTERM they would serve their connections to the end."""
    os.killpg(pid(store), signal.SIGKILL)
    eventually("the end", lambda: not answers(store.port))
