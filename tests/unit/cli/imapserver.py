"""A small IMAP server on loopback that does as it is told, and remembers what it heard."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from tests.harness.serving import certificate_folder

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


class HangUp(Exception):
    """The end of a connection."""


class ImapServer:
    """Answers each verb as `answers` says: `TAG` is the client's tag, `URL` its argument. A literal is asked for."""

    def __init__(self, answers: dict[str, str], implicit: bool) -> None:
        self.answers = ANSWERS | answers
        self.heard: list[str] = []
        self.content = b""
        self.implicit = implicit
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate_folder() / "cert.pem", certificate_folder() / "key.pem")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.serve(self.listener.accept()[0])

    def serve(self, sock: socket.socket) -> None:
        sock.settimeout(5)
        try:
            sock = self.context.wrap_socket(sock, server_side=True) if self.implicit else sock
            self.answer(sock, "greeting", "", "")
            while self.converse(sock):
                sock = self.context.wrap_socket(sock, server_side=True)
        except (HangUp, OSError):
            pass
        finally:
            sock.close()

    def converse(self, sock: socket.socket) -> bool:
        """Until the client goes (false) or TLS begins (true)."""
        with cast(BinaryIO, sock.makefile("rb")) as stream:
            while line := stream.readline():
                tag, verb, rest = (line.decode().rstrip("\r\n") + "  ").split(" ", 2)
                self.heard.append(f"{verb} {rest}".rstrip())
                is_refused = self.answers.get(verb, "").startswith(("TAG NO", "TAG BAD"))
                while not is_refused and (literal := _LITERAL.search(line.decode().rstrip("\r\n"))):
                    sock.sendall(b"+ go on\r\n")
                    self.content = stream.read(int(literal[1]))
                    line = stream.readline()  # what follows may end with another literal
                self.answer(sock, verb, tag, rest)
                if verb == "STARTTLS":
                    return True
        return False

    def answer(self, sock: socket.socket, verb: str, tag: str, rest: str) -> None:
        answer = self.answers.get(verb, "TAG BAD what?")
        if answer == SILENCE:
            sock.recv(1)
        if answer in (CLOSE, SILENCE):
            raise HangUp
        argument = rest.split('"')[1] if '"' in rest else ""
        sock.sendall(
            answer.replace("TAG", tag).replace("URL:", f"{argument}:").replace('"URL"', f'"{argument}"').encode()
        )
        sock.sendall(b"\r\n")

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


@contextmanager
def imap_server(implicit: bool = False, **answers: str) -> Iterator[ImapServer]:
    server = ImapServer(answers, implicit)
    try:
        yield server
    finally:
        server.stop()
