"""The client's side of every SASL mechanism, over real sockets; SCRAM by a library of another hand."""

from __future__ import annotations

import hmac
import re
import socket
import ssl
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scramp import ScramClient  # type: ignore[import-untyped]

from gsubmit.sasl.client import Login, answer, conclude
from gsubmit.sasl.plain import plain_client
from gsubmit.sasl.scram import scram_client
from gsubmit.tls import exporter
from tests.harness.serving import certificate_folder

TIMEOUT = 10.0  # seconds for anything
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@dataclass(frozen=True)
class Kind:
    """A way to connect."""

    client_ip: str = "127.0.0.1"
    tls: str = ""  # starttls or implicit
    version: ssl.TLSVersion = TLS_1_3
    certificate: Path | None = None


class Talk:
    """A connection after EHLO. Each reply is its lines, without CRLF."""

    def __init__(self, port: int, tls_port: int, kind: Kind) -> None:
        address = ("127.0.0.1", tls_port if kind.tls == "implicit" else port)
        self.sock: socket.socket = socket.create_connection(address, TIMEOUT, (kind.client_ip, 0))
        self.replies: list[str] = []
        self._octets = b""
        self._kind = kind
        if kind.tls == "implicit":
            self._start_tls()
        self.read()
        if kind.tls == "starttls":
            self.say("EHLO client.example.org")
            assert self.say("STARTTLS").startswith("220")
            self._start_tls()
        self.mechanisms = self.greet()

    def greet(self) -> list[str]:
        """Say EHLO; the mechanisms that are announced."""
        found = re.search("^250[ -]AUTH (.*)$", self.say("EHLO client.example.org"), re.MULTILINE)
        return found[1].split() if found else []

    def _start_tls(self) -> None:
        context = ssl.create_default_context(cafile=str(certificate_folder() / "ca.pem"))
        context.minimum_version = context.maximum_version = self._kind.version
        if self._kind.certificate:
            context.load_cert_chain(self._kind.certificate)
        self.sock = context.wrap_socket(self.sock, server_hostname="localhost")

    def say(self, line: str) -> str:
        self.sock.sendall(line.encode() + b"\r\n")
        return self.read()

    def read(self) -> str:
        """The next reply; empty at the end of the connection."""
        while not re.search(rb"^\d{3}(?: .*)?\r\n", self._octets, re.MULTILINE):
            octets = self.sock.recv(65536)
            if not octets:
                return ""
            self._octets += octets
        assert self._octets.endswith(b"\r\n")
        reply, self._octets = self._octets.decode("ascii"), b""
        self.replies.append(reply.replace("\r\n", "\n").rstrip("\n"))
        return self.replies[-1]

    def close(self) -> None:
        self.sock.close()

    @property
    def tls(self) -> ssl.SSLSocket | None:
        return self.sock if isinstance(self.sock, ssl.SSLSocket) else None

    @property
    def bindings(self) -> tuple[str, ...]:
        """The types of channel bindings that this connection must have, best first."""
        return BINDINGS[self.tls.version() or ""] if self.tls else ()


@dataclass(frozen=True)
class Who:
    """Whom the client claims to be, and with what it proves it."""

    user: str
    secret: str = field(repr=False)
    authorization_id: str = ""
    binding: str = ""  # the type, empty: the first one that this connection has


Mechanism = Callable[[Talk, Who], str]


def encoded(octets: bytes | str) -> str:
    return b64encode(octets.encode() if isinstance(octets, str) else octets).decode()


def challenge(reply: str) -> bytes:
    assert reply.startswith("334 "), reply
    return b64decode(reply[4:], validate=True)


def _plain(talk: Talk, who: Who) -> str:
    return talk.say(f"AUTH PLAIN {encoded(next(plain_client(Login(who.user, who.authorization_id, who.secret))))}")


def _login(talk: Talk, who: Who) -> str:
    for line, asked in [("AUTH LOGIN", b"Username:"), (encoded(who.user), b"Password:")]:
        reply = talk.say(line)
        if not reply.startswith("334"):
            return reply
        assert challenge(reply) == asked
    return talk.say(encoded(who.secret))


def _cram_md5(talk: Talk, who: Who) -> str:
    reply = talk.say("AUTH CRAM-MD5")
    if not reply.startswith("334"):
        return reply
    digest = hmac.new(who.secret.encode(), challenge(reply), "md5").hexdigest()
    return talk.say(encoded(f"{who.user} {digest}"))


def _scram(name: str) -> Mechanism:
    def run(talk: Talk, who: Who) -> str:
        if who.authorization_id:
            return _scram_for(talk, name, who)
        client = _scram_client(talk, name, who)
        reply = talk.say(f"AUTH {name} {encoded(client.get_client_first())}")
        if not reply.startswith("334"):
            return reply
        client.set_server_first(challenge(reply).decode())
        reply = talk.say(encoded(client.get_client_final()))
        if not reply.startswith("334"):
            return reply
        client.set_server_final(challenge(reply).decode())  # raises unless the server knows the password too
        return talk.say("")

    return run


def _scram_client(talk: Talk, name: str, who: Who) -> ScramClient:
    """The library makes two types of channel bindings by itself; the third it takes under another's name."""
    if not name.endswith("-PLUS"):
        return ScramClient([name], who.user, who.secret)
    binding = who.binding or (talk.bindings or ("tls-exporter",))[0]
    if binding != "tls-exporter":
        return ScramClient([name], who.user, who.secret, channel_binding=(binding, talk.tls))
    octets = exporter.tls_exporter(talk.tls) if talk.tls else b"none"
    client = ScramClient([name], who.user, who.secret, channel_binding=("tls-unique", octets))
    client.gs2_header.cb_name.cb_name = binding
    return client


def _scram_for(talk: Talk, name: str, who: Who) -> str:
    """With an authorization id, which the library does not know."""
    exchange = scram_client(_HASHES[name], Login(who.user, who.authorization_id, who.secret))
    reply = talk.say(f"AUTH {name} {encoded(next(exchange))}")
    for _ in range(2):
        if reply.startswith("334"):
            reply = talk.say(encoded(answer(exchange, challenge(reply))))
    if reply.startswith("235"):
        conclude(exchange)
    return reply


def _external(talk: Talk, who: Who) -> str:
    return talk.say(f"AUTH EXTERNAL {encoded(who.authorization_id) or '='}")


def _bearer(name: str, message: str, end: str) -> Mechanism:
    def run(talk: Talk, who: Who) -> str:
        reply = talk.say(f"AUTH {name} {encoded(message.format(user=who.user, token=who.secret))}")
        return talk.say(end) if reply.startswith("334") else reply

    return run


# By TLS version, best first: what the server must have and the client can make (CHB-1, CHB-2, CHB-3).
BINDINGS = {
    "TLSv1.2": ("tls-unique", "tls-server-end-point"),
    "TLSv1.3": ("tls-exporter", "tls-server-end-point"),
}
_HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}
MECHANISMS: Mapping[str, Mechanism] = {
    "EXTERNAL": _external,
    **{name: _scram(name) for name in ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1")},
    "OAUTHBEARER": _bearer("OAUTHBEARER", "n,a={user},\x01auth=Bearer {token}\x01\x01", "AQ=="),
    "XOAUTH2": _bearer("XOAUTH2", "user={user}\x01auth=Bearer {token}\x01\x01", ""),
    "PLAIN": _plain,
    "LOGIN": _login,
    "CRAM-MD5": _cram_md5,
}
