"""Scripted relays on loopback: each verb, or each whole line, has its answer; what was heard is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
import ssl
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from tests.harness import relaytls
from tests.harness.scriptedpeer import HungUp, ScriptedPeer

CLOSE, RESET, SILENT, DEAF, DRIPS = "CLOSE", "RESET", "SILENT", "DEAF", "DRIPS"  # instead of an answer
# A deaf relay reads no more, one that drips says an octet now and then and never a whole line.
TLS = "220 2.0.0 Go on"
PART = 1000  # octets of a message
DEAFNESS = 60.0  # seconds, more than any test takes
KEYWORDS = (
    "PIPELINING",
    "SIZE 52428800",
    "8BITMIME",
    "ENHANCEDSTATUSCODES",
    "DSN",
    "SMTPUTF8",
    "CHUNKING",
    "BINARYMIME",
)
Answer = str | Callable[[str], str]
Answers = Mapping[str, Answer]


def ehlo(*keywords: str) -> str:
    """The answer to EHLO with these keywords."""
    lines = ["relay.example.net", *keywords]
    return "\r\n".join(f"250{' ' if line is lines[-1] else '-'}{line}" for line in lines)


DEFAULTS: dict[str, Answer] = {
    "greeting": "220 relay.example.net ESMTP",
    "EHLO": ehlo(*KEYWORDS),
    "HELO": "250 relay.example.net",
    "STARTTLS": TLS,
    "AUTH": "235 2.7.0 Welcome",
    "XCLIENT": "220 relay.example.net ESMTP",
    "MAIL": "250 2.1.0 Sender ok",
    "RCPT": "250 2.1.5 Recipient ok",
    "DATA": "354 Go on",
    "chunk": "250 2.0.0 Go on",
    "content": "250 2.0.0 Queued",
    "RSET": "250 2.0.0 Forgotten",
    "VRFY": "252 2.5.0 Perhaps",
    "QUIT": "221 2.0.0 Bye",
}


@dataclass
class Talk:
    """What one connection heard, without the line ends, the messages that came on it, and one that did not end."""

    lines: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    begun: bytes = b""
    is_open: bool = True

    def verbs(self) -> str:
        return " ".join(line.partition(" ")[0] for line in self.lines)


@dataclass
class Server(ScriptedPeer):
    """`answers` hold for every connection, `each` for the first, the second and so on before them.

    An answer may be a function of the line; the key "default" stands for lines that no other key names, and "body" is
    said when a part of a message has come, "after" when that has been said.
    """

    answers: Answers = field(default_factory=dict)
    each: Sequence[Answers] = ()
    context: ssl.SSLContext | None = None
    is_tls_first: bool = False
    talks: list[Talk] = field(default_factory=list)
    most_open: int = 0
    closes_after: str = ""  # what it says last of all
    peer_certificates: list[object] = field(default_factory=list)

    @property
    def open_now(self) -> int:
        return sum(talk.is_open for talk in self.talks)

    @property
    def mails(self) -> list[bytes]:
        return [mail for talk in self.talks for mail in talk.mails]

    def conversation(self, sock: socket.socket) -> _Talking:
        self.talks.append(Talk())
        self.most_open = max(self.most_open, self.open_now)
        own = self.each[len(self.talks) - 1] if len(self.talks) <= len(self.each) else {}
        return _Talking(sock, self, self.talks[-1], DEFAULTS | dict(self.answers) | dict(own))


class _Talking:
    def __init__(self, sock: socket.socket, server: Server, talk: Talk, answers: Answers) -> None:
        self.sock = sock
        self._server, self._talk, self._answers = server, talk, answers
        self._begun = b""

    def converse(self) -> None:
        self.sock.settimeout(10)
        try:
            if self._server.is_tls_first:
                self.sock = self._secured(self.sock)
            self._say(self.sock, "greeting", "greeting")
            while not self._converse(self.sock):
                self.sock = self._secured(self.sock)
        except HungUp as end:
            self._talk.begun = end.begun
            raise
        finally:
            self._talk.is_open = False

    def _secured(self, sock: socket.socket) -> socket.socket:
        assert self._server.context is not None
        secured = relaytls.wrapped(sock, self._server.context)
        self._server.peer_certificates.append(secured.getpeercert())
        return secured

    def _converse(self, sock: socket.socket) -> bool:
        """Until the client goes (true) or wants TLS (false)."""
        with cast(BinaryIO, sock.makefile("rb", buffering=0)) as stream:
            while line := _line(stream):
                self._talk.lines.append(line)
                verb = line.partition(" ")[0].upper()
                if verb == "BDAT":
                    self._chunk(sock, stream, line)
                    continue
                said = self._say(sock, verb, line)
                if verb == "DATA" and said.startswith("354"):
                    self._interrupt(sock, stream)
                    self._talk.mails.append(_data(stream))
                    self._say(sock, "content", "content")
                if verb == "STARTTLS" and said.startswith("220") and "\n" not in said:
                    return False
        return True

    def _chunk(self, sock: socket.socket, stream: BinaryIO, line: str) -> None:
        """The key "chunk" is the answer to a BDAT without LAST, of which the next one is the rest."""
        if "BDAT" in self._answers:  # it does not know the command, and reads on as ever
            self._say(sock, "BDAT", line)
            return
        if line.endswith(" LAST"):
            self._interrupt(sock, stream)
        octets = _exactly(stream, int(line.split()[1]), self._begun)
        if line.endswith(" LAST"):
            self._talk.mails.append(octets)
            self._begun = b""
            self._say(sock, "content", "content")
        else:
            self._begun = octets
            self._say(sock, "chunk", "chunk")

    def _interrupt(self, sock: socket.socket, stream: BinaryIO) -> None:
        if "body" in self._answers:
            stream.read(PART)
            self._say(sock, "body", "body")
            if "after" in self._answers:
                self._say(sock, "after", "after")
            while sock.recv(65536):
                pass
            raise HungUp

    def _say(self, sock: socket.socket, verb: str, line: str) -> str:
        answers = self._answers
        answer = answers.get(line) or answers.get(verb) or answers.get("default", "500 5.5.1 What?")
        text = answer if isinstance(answer, str) else answer(line)
        if text == SILENT:
            while sock.recv(4096):
                pass
        if text == DRIPS:
            for octet in b"250-" + b"x" * 600:
                sock.sendall(bytes([octet]))
                time.sleep(0.05)
        if text == DEAF:
            time.sleep(DEAFNESS)
        if text in (CLOSE, RESET, SILENT, DEAF, DRIPS):
            raise HungUp(hard=text == RESET)
        sock.sendall(f"{text}\r\n".encode())
        if self._server.closes_after and text.endswith(self._server.closes_after):
            raise HungUp
        return text


def _line(stream: BinaryIO) -> str:
    line = b""
    while not line.endswith(b"\n"):
        if not (octet := stream.read(1)):
            return ""
        line += octet
    return line.decode("utf-8", "replace").rstrip("\r\n") or " "


def _exactly(stream: BinaryIO, size: int, begun: bytes = b"") -> bytes:
    """`begun` and `size` octets more."""
    octets = bytearray(begun)
    size += len(begun)
    while len(octets) < size:
        if not (more := stream.read(size - len(octets))):
            raise HungUp(bytes(octets))
        octets += more
    return bytes(octets)


def _data(stream: BinaryIO) -> bytes:
    octets = bytearray(b"\r\n")  # the start of the data counts as the start of a line
    while not octets.endswith(b"\r\n.\r\n"):  # the client waits for the answer, so nothing follows
        if not (more := stream.read(65536)):
            raise HungUp(bytes(octets[2:]))
        octets += more
    return bytes(octets[2:-3])


def later(seconds: float, text: str) -> Callable[[str], str]:
    """An answer that takes its time."""

    def answer(_: str) -> str:
        time.sleep(seconds)
        return text

    return answer


def in_turn(*texts: str) -> Callable[[str], str]:
    """Another answer each time; the last one stays."""
    left = list(texts)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


class Scram:
    """The server's side of SCRAM for one password (RFC 5802), in one exchange."""

    def __init__(self, algorithm: str, password: str, iterations: int = 4096, *, lies: bool = False) -> None:
        self.algorithm, self.iterations, self.lies = algorithm, iterations, lies
        self.salted = hashlib.pbkdf2_hmac(algorithm, password.encode(), b"salt", iterations)
        self.first_bare = self.server_first = self.gs2 = ""
        self.is_proven = False
        self.user = ""

    def mac(self, key: bytes, text: bytes) -> bytes:
        return hmac.digest(key, text, self.algorithm)

    def __call__(self, line: str) -> str:
        response = b64decode(line.rpartition(" ")[2]).decode()
        if line.startswith("AUTH "):
            self.gs2, self.first_bare = re.fullmatch(r"(n,[^,]*,)(.*)", response).groups()  # type: ignore[union-attr]
            self.user = self.first_bare.split(",")[0].removeprefix("n=")
            nonce = self.first_bare.partition("r=")[2] + "server"
            self.server_first = f"r={nonce},s={b64encode(b'salt').decode()},i={self.iterations}"
            return self._challenge(self.server_first)
        if not response:
            return "235 2.7.0 Welcome" if self.is_proven else "535 5.7.8 No"
        without_proof, _, proof = response.rpartition(",p=")
        message = f"{self.first_bare},{self.server_first},{without_proof}".encode()
        client_key = self.mac(self.salted, b"Client Key")
        signature = self.mac(hashlib.new(self.algorithm, client_key).digest(), message)
        self.is_proven = b64decode(proof) == bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        if not self.is_proven:
            return "535 5.7.8 No"
        server_signature = self.mac(self.mac(self.salted, b"Server Key"), b"lies" if self.lies else message)
        return self._challenge(f"v={b64encode(server_signature).decode()}")

    def _challenge(self, text: str) -> str:
        return f"334 {b64encode(text.encode()).decode()}"


@contextmanager
def served(server: Server, *addresses: str) -> Iterator[Server]:
    """Let it listen on these addresses (127.0.0.1), all on one port that is free, or on unix sockets."""
    for address in addresses or ("127.0.0.1",):
        server.listen_on(address)
    try:
        yield server
    finally:
        server.stop()
