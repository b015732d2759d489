"""An authorization server on a loopback port: it answers what a test says, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import gevent
import gevent.pool
import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER = "https://auth.example.org"
AUDIENCE = "mail"
USER = "tim@example.org"

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


@cache
def rsa_key(name: str = "") -> RSAPrivateKey:
    """A key of this name, made once in a test run."""
    return generate_rsa_key(65537, 2048)


@cache
def ec_key() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


@cache
def ed_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def pem(key: PrivateKey) -> bytes:
    """The public key, as a file of keys has it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwk(key: PrivateKey, kid: str = "", **members: str) -> dict[str, object]:
    """The public key, as a key set has it."""
    if isinstance(key, RSAPrivateKey):
        made = RSAAlgorithm.to_jwk(key.public_key())
    elif isinstance(key, EllipticCurvePrivateKey):
        made = ECAlgorithm.to_jwk(key.public_key())
    else:
        made = OKPAlgorithm.to_jwk(key.public_key())
    return {**json.loads(made), **({"kid": kid} if kid else {}), **members}


def claims(**changed: object) -> dict[str, object]:
    """The claims of a good token; None takes one out."""
    now = int(time.time())
    good: dict[str, object] = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 300, "email": USER}
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def token(
    key: PrivateKey | bytes, algorithm: str = "RS256", kid: str = "k1", typ: str = "at+jwt", **changed: object
) -> str:
    """A signed token with the claims of a good one, but for those `changed`."""
    headers = {"typ": typ, **({"kid": kid} if kid else {})}
    return jwt.encode(claims(**changed), key, algorithm, headers)


@dataclass
class Asked:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: str


# Sends whatever it likes to the socket.
Script = Callable[[socket.socket, Asked], None]


def reply(value: object, status: int = 200, **headers: str) -> Script:
    """Answer with JSON (or with this text as it is)."""
    body = value if isinstance(value, str) else json.dumps(value)
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Length: {len(body)}",
        *(f"{name}: {text}" for name, text in headers.items()),
    ]
    return raw("\r\n".join([*lines, "", body]))


def raw(text: str) -> Script:
    return lambda sock, _: sock.sendall(text.encode())


def dripping(text: str, pause: float = 0.02) -> Script:
    """Octet after octet, each in time by itself."""

    def drip(sock: socket.socket, _: Asked) -> None:
        for octet in text.encode():
            sock.sendall(bytes([octet]))
            time.sleep(pause)

    return drip


def silent(sock: socket.socket, _: Asked) -> None:
    """Keep the connection and say nothing, until the other side has had enough."""
    while sock.recv(1024):
        pass


@dataclass
class AuthorizationServer:
    """`scripts` say what is answered, by the path without its query."""

    port: int
    is_tls: bool = False
    scripts: dict[str, Script] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    rawly: Script | None = None  # answers each connection before any handshake

    def url(self, path: str) -> str:
        return f"{'https' if self.is_tls else 'http'}://localhost:{self.port}{path}"

    def publish(self, *keys: Mapping[str, object]) -> None:
        self.scripts["/jwks"] = reply({"keys": keys})

    def serve(self, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        with sock:
            if self.rawly:
                self.rawly(sock, Asked("", "", {}, ""))
                return
            with suppress(OSError):
                if context is None:
                    self._answer(sock)
                    return
                with context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False) as line:
                    line.do_handshake()
                    self._answer(line)

    def _answer(self, sock: socket.socket) -> None:
        with sock.makefile("rb") as file:
            method, target, _ = file.readline().decode().split(" ")
            headers = {}
            while line := file.readline().decode().strip():
                name, _, value = line.partition(": ")
                headers[name] = value
            asked = Asked(method, target, headers, file.read(int(headers.get("Content-Length", "0"))).decode())
        self.asked.append(asked)
        self.scripts.get(target.partition("?")[0], reply("", 404))(sock, asked)


@dataclass(frozen=True)
class Certificates:
    ca: trustme.CA
    server: trustme.LeafCert
    stranger: trustme.LeafCert


@cache
def certificates() -> Certificates:
    ca = trustme.CA()
    return Certificates(ca, ca.issue_cert("localhost", "127.0.0.1"), ca.issue_cert("other.example.org"))


def ca_file(folder: Path) -> Path:
    """The certificate that `tls_ca_cert_file` wants."""
    path = folder / "ca.pem"
    certificates().ca.cert_pem.write_to_path(str(path))
    return path


@contextmanager
def authorization_server(*, tls: bool = False, stranger: bool = False) -> Iterator[AuthorizationServer]:
    """Run one. `stranger`: its certificate is for another name."""
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (certificates().stranger if stranger else certificates().server).configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = AuthorizationServer(int(listener.getsockname()[1]), is_tls=tls)
        group = gevent.pool.Group()

        def accept() -> None:
            while True:
                group.spawn(server.serve, listener.accept()[0], context)

        accepting = gevent.spawn(accept)
        try:
            yield server
        finally:
            accepting.kill()
            group.kill()
