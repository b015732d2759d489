"""A small IMAP server on loopback that does as it is told, and remembers what it heard."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from tests.harness import relaytls
from tests.harness.scriptedpeer import HungUp, ScriptedPeer

CLOSE, SILENCE = "close", "silence"  # instead of an answer
TOKEN = "91354a473744909de610943775f92038"
ANSWERS = {
    "greeting": "* OK ready",
    "CAPABILITY": "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR STARTTLS URLAUTH\r\nTAG OK done",
    "STARTTLS": "TAG OK go on",
    "AUTHENTICATE": "TAG OK welcome",
    "LOGIN": "TAG OK welcome",
    "APPEND": "TAG OK [APPENDUID 7 12] stored",
    "EXAMINE": "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\nTAG OK [READ-ONLY] done",
    "UID": "* SEARCH 4 12 9\r\nTAG OK done",
    "GENURLAUTH": f'* GENURLAUTH "URL:INTERNAL:{TOKEN}"\r\nTAG OK done',
    "URLFETCH": '* URLFETCH "URL" NIL\r\nTAG OK done',
    "LOGOUT": "* BYE bye\r\nTAG OK done",
}
_LITERAL = re.compile(r"\{(\d+)\}$")


@dataclass
class ImapServer(ScriptedPeer):
    """Answers each verb as `answers` says: `TAG` is the client's tag, `URL` its argument. A literal is asked for."""

    answers: dict[str, str]
    implicit: bool
    heard: list[str] = field(default_factory=list)
    content: bytes = b""

    def conversation(self, sock: socket.socket) -> _Conversation:
        return _Conversation(sock, self)


@dataclass
class _Conversation:
    sock: socket.socket
    server: ImapServer

    def converse(self) -> None:
        self.sock.settimeout(5)
        if self.server.implicit:
            self.sock = relaytls.wrapped(self.sock)
        self.answer("greeting", "", "")
        while self.commands():
            self.sock = relaytls.wrapped(self.sock)

    def commands(self) -> bool:
        """Until the client goes (false) or TLS begins (true)."""
        with cast(BinaryIO, self.sock.makefile("rb")) as stream:
            while line := stream.readline():
                tag, verb, rest = (line.decode().rstrip("\r\n") + "  ").split(" ", 2)
                self.server.heard.append(f"{verb} {rest}".rstrip())
                is_refused = self.server.answers.get(verb, "").startswith(("TAG NO", "TAG BAD"))
                while not is_refused and (literal := _LITERAL.search(line.decode().rstrip("\r\n"))):
                    self.sock.sendall(b"+ go on\r\n")
                    self.server.content = stream.read(int(literal[1]))
                    line = stream.readline()  # what follows may end with another literal
                self.answer(verb, tag, rest)
                if verb == "STARTTLS":
                    return True
        return False

    def answer(self, verb: str, tag: str, rest: str) -> None:
        answer = self.server.answers.get(verb, "TAG BAD what?")
        if answer == SILENCE:
            self.sock.recv(1)
        if answer in (CLOSE, SILENCE):
            raise HungUp
        argument = rest.split('"')[1] if '"' in rest else ""
        self.sock.sendall(
            answer.replace("TAG", tag).replace("URL:", f"{argument}:").replace('"URL"', f'"{argument}"').encode()
        )
        self.sock.sendall(b"\r\n")


@contextmanager
def imap_server(implicit: bool = False, **answers: str) -> Iterator[ImapServer]:
    server = ImapServer(ANSWERS | answers, implicit)
    server.listen_on("127.0.0.1")
    try:
        yield server
    finally:
        server.stop()
