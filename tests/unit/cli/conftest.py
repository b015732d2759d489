"""A small submission server on loopback that does as it is told, and remembers what it heard."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from tests.harness.smtpserver import Server

EHLO = (
    "250-mx.example\r\n250-SIZE 10000000\r\n250-8BITMIME\r\n250-STARTTLS\r\n250-CHUNKING\r\n250-BURL imap\r\n"
    "250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN"
)
ANSWERS = {
    "greeting": "220 mx.example ESMTP",
    "EHLO": EHLO,
    "STARTTLS": "220 2.0.0 go on",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    "content": "250 2.0.0 queued as 4711",
    "BURL": "250 2.0.0 queued as 4712",
    "QUIT": "221 2.0.0 bye",
}


class ScriptedServer(Server):
    """A relay that answers a little differently, with all that its connections heard in one."""

    @property
    def heard(self) -> list[str]:
        return [line for talk in self.talks for line in talk.lines]

    @property
    def content(self) -> bytes:
        return b"".join(self.mails)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> Path:
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


@pytest.fixture(scope="module")
def contexts(ca: trustme.CA) -> Callable[[str], ssl.SSLContext]:
    @functools.cache
    def context(name: str) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(name).configure_cert(made)
        return made

    return context


@pytest.fixture
def serve(contexts: Callable[[str], ssl.SSLContext]) -> Iterator[Callable[..., ScriptedServer]]:
    servers: list[ScriptedServer] = []

    def start(name: str = "127.0.0.1", implicit: bool = False, **answers: str) -> ScriptedServer:
        servers.append(ScriptedServer(ANSWERS | answers, context=contexts(name), is_tls_first=implicit))
        servers[-1].listen_on("127.0.0.1")
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
