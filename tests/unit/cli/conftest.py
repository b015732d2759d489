"""A small submission server on loopback that does as it is told, and remembers what it heard."""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest
import trustme

CLOSE, RESET, SILENCE = "close", "reset", "silence"  # instead of an answer
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


class HangUp(Exception):
    """The end of a connection."""


class ScriptedServer:
    """Answers each verb, or each whole line, as `answers` says, on one connection after the other."""

    def __init__(self, answers: dict[str, str], tls: ssl.SSLContext | None, implicit: bool) -> None:
        self.answers = ANSWERS | answers
        self.heard: list[str] = []
        self.content = b""
        self.reached = threading.Event()
        self.tls, self.implicit = tls, implicit
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.serve(self.listener.accept()[0])

    def serve(self, sock: socket.socket) -> None:
        self.reached.set()
        sock.settimeout(5)
        try:
            sock = self.secured(sock) if self.implicit else sock
            self.answer(sock, "greeting")
            if not self.converse(sock):
                sock = self.secured(sock)
                self.converse(sock)
        except (HangUp, OSError):
            pass
        finally:
            sock.close()

    def secured(self, sock: socket.socket) -> ssl.SSLSocket:
        assert self.tls is not None
        return self.tls.wrap_socket(sock, server_side=True)

    def converse(self, sock: socket.socket) -> bool:
        """Until the client goes (true) or wants TLS (false)."""
        with cast(BinaryIO, sock.makefile("rb")) as stream:
            while line := stream.readline():
                command = line.decode(errors="replace").rstrip("\r\n")
                self.heard.append(command)
                verb = command.split(" ")[0]
                if verb == "BDAT":
                    self.content += stream.read(int(command.split()[1]))
                self.answer(sock, "content" if verb == "BDAT" else command if command in self.answers else verb)
                if verb == "STARTTLS":
                    return False
                if verb == "DATA":
                    self.read_data(stream)
                    self.answer(sock, "content")
        return True

    def answer(self, sock: socket.socket, key: str) -> None:
        answer = self.answers.get(key, "500 5.5.1 what?")
        if answer == RESET:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if answer == SILENCE:
            sock.recv(1)
        if answer in (CLOSE, RESET, SILENCE):
            raise HangUp
        sock.sendall(answer.encode("latin-1") + b"\r\n")

    def read_data(self, stream: BinaryIO) -> None:
        while (line := stream.readline()) != b".\r\n":
            if not line:
                raise HangUp
            self.content += line


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
    servers = []

    def start(name: str = "127.0.0.1", implicit: bool = False, **answers: str) -> ScriptedServer:
        servers.append(ScriptedServer(answers, contexts(name), implicit))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
