"""An IMAP server for tests: it has one message, and a script for whatever it is to do wrong."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass, field

from tests.harness import relaytls
from tests.harness.escapes import shown
from tests.harness.imapscript import TOKEN, Drips, ImapScript, Names, Repeats, Step
from tests.harness.ports import free_port
from tests.harness.relayscript import EVERY_OTHER, Does, Hears, Says, Waits
from tests.harness.scriptedpeer import HungUp, ScriptedPeer

GREETING = b"* OK ready\r\n"
MESSAGE = b"Subject: kept\r\n\r\nKept on the server\r\n"
CAPABILITIES = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR STARTTLS URLAUTH\r\n"
_LITERAL = b"{%d}\r\n%b" % (len(MESSAGE), MESSAGE)
_APPEND = re.compile(rb'TAG APPEND "(.*)" \((.*)\) "[^"]*" ~?\{(\d+)\}')


@dataclass(frozen=True)
class Copy:
    """A message that was appended; the mailbox as the command had it, and the flags with blanks between them."""

    mailbox: str
    flags: str
    content: bytes


class ImapTalk:
    """One connection: the script first, then answers of its own. `TAG` in both stands for the client's tag."""

    def __init__(
        self, sock: socket.socket, names: Names, steps: list[Step], copies: list[Copy], *, is_tls_first: bool
    ) -> None:
        self.sock = sock
        self._copies = copies
        self._is_tls_first = is_tls_first
        self.heard: list[bytes] = []
        self._names = names
        self._steps = steps
        self._input = b""
        self._tag = b"TAG"
        self._said = b""

    def converse(self) -> None:
        """The whole connection. Raises HungUp."""
        if self._is_tls_first:
            self.sock = relaytls.wrapped(self.sock)
        if not self._perform():
            self._send(GREETING)
        while True:
            line = self._line()
            if not self._said.startswith(b"+"):  # not what we have asked for
                self._tag, _, line = line.partition(b" ")
                line = b"TAG " + line
            self.heard.append(line)
            if not (self._is_expected(line) and self._perform()):
                self._send(_answer(line))
                if append := _APPEND.fullmatch(line):
                    self._take(append)
                if line == b"TAG STARTTLS":
                    self._do(Does("TLS"))
                if line == b"TAG LOGOUT":
                    raise HungUp

    def _take(self, append: re.Match[bytes]) -> None:
        size = int(append[3])
        while len(self._input) < size + 2:
            self._receive()
        content, self._input = self._input[:size], self._input[size + 2 :]
        self._copies.append(Copy(append[1].decode(), append[2].decode(), content))
        self._send(b"TAG OK done\r\n")

    def unheard(self) -> list[str]:
        """Lines of the script that never came."""
        return [step.text for step in self._steps if isinstance(step, Hears)]

    def _is_expected(self, line: bytes) -> bool:
        step = self._steps[0] if self._steps else None
        if isinstance(step, Hears) and step.line.fullmatch(line):
            del self._steps[0]
            return True
        return False

    def _perform(self) -> bool:
        """Do what the script says up to its next `I>`; whether there was anything."""
        done = False
        while self._steps and not isinstance(self._steps[0], Hears):
            self._do(self._steps.pop(0))
            done = True
        return done

    def _do(self, step: Step) -> None:
        if isinstance(step, Says):
            self._send(step.octets)
        elif isinstance(step, Waits):
            time.sleep(step.seconds)
        elif isinstance(step, Repeats):
            while True:
                self._send(step.octets * 1000)
        elif isinstance(step, Drips):
            for octet in self._names.written_out(step.octets):
                self.sock.sendall(bytes([octet]))
                time.sleep(step.seconds)
        elif step == Does("TLS"):
            self.sock = relaytls.wrapped(self.sock)
            self._input = b""
        elif step == Does("SILENT"):
            while True:
                self._receive()
        else:
            raise HungUp

    def _line(self) -> bytes:
        while b"\r\n" not in self._input:
            self._receive()
        line, _, self._input = self._input.partition(b"\r\n")
        return self._names.named(line)

    def _receive(self) -> None:
        octets = self.sock.recv(65536)
        if not octets:
            raise HungUp
        self._input += octets

    def _send(self, octets: bytes) -> None:
        self._said = octets
        self.sock.sendall(self._names.written_out(octets).replace(b"TAG", self._tag))


def _answer(line: bytes) -> bytes:
    """What a well-behaved server says."""
    verb = line.split(b" ")[1] if line.startswith(b"TAG ") else b""
    if line.endswith(b"}") or line == b"TAG AUTHENTICATE PLAIN":
        return b"+ go on\r\n"
    untagged = b""
    if verb == b"CAPABILITY":
        untagged = CAPABILITIES
    elif line.startswith(b"TAG UID SEARCH"):
        untagged = b"* SEARCH\r\n"
    elif verb == b"EXAMINE":
        untagged = b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] here\r\n"
    elif verb == b"GENURLAUTH":
        untagged = b'* GENURLAUTH %b:INTERNAL:%b"\r\n' % (line.split(b" ")[2][:-1], TOKEN.encode())
    elif verb == b"URLFETCH":
        untagged = b"* URLFETCH %b %b\r\n" % (line.split(b" ")[2], _LITERAL)
    elif verb == b"UID":
        part = re.search(rb"BODY\.PEEK(\[.*\](?:<\d+)?)", line)
        end = b">" if part is not None and b"<" in part[1] else b""
        untagged = b"* 1 FETCH (UID 1 BODY%b%b %b)\r\n" % (part[1] if part else b"", end, _LITERAL)
    return untagged + b"TAG OK done\r\n"


@dataclass
class FakeImap(ScriptedPeer):
    """Listens from `start` on. `copies` are the messages that were stored."""

    script: ImapScript = field(default_factory=ImapScript)
    copies: list[Copy] = field(default_factory=list)
    talks: list[ImapTalk] = field(default_factory=list)

    @property
    def names(self) -> Names:
        return Names(self.port)

    def start(self) -> None:
        if not self.script.is_reachable:
            self.port = free_port()
            return
        self.listen(socket.create_server((self.host, 0)))

    def conversation(self, sock: socket.socket) -> ImapTalk:
        steps = self.script.steps(len(self.talks) + 1)
        self.talks.append(ImapTalk(sock, self.names, steps, self.copies, is_tls_first=self.script.implicit_tls))
        return self.talks[-1]

    def faults(self) -> list[str]:
        """What was not as the script has it."""
        faults = []
        for number in self.script.connections:
            if number != EVERY_OTHER:
                talk = self.talks[number - 1] if number <= len(self.talks) else None
                left = talk.unheard() if talk else ["(there was no such connection)"]
                faults += [f"IMAP connection {number} never heard {line!r}" for line in left]
        if self.script.connected is not None and len(self.talks) != self.script.connected:
            faults.append(f"{len(self.talks)} IMAP connections instead of {self.script.connected}")
        return faults

    def story(self) -> list[str]:
        """What it heard, for a report."""
        return [
            f"IMAP connection {number} heard: " + " | ".join(shown(line) for line in talk.heard)
            for number, talk in enumerate(self.talks, 1)
        ]
