"""Whatever the relay says and when: 250 means that it has this message, in this envelope, and content is never commands.

Twenty sessions of some users share the kept connections of one server. `PROPERTY_MESSAGES` says how many messages each
test submits, `PROPERTY_SEED` which ones and which lies.
"""

from __future__ import annotations

import os
import random
import re
import socket
import time
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import gevent
import pytest

from tests.harness import crashes
from tests.harness.lyingrelay import MARK, LyingRelay, Stored, body_lines
from tests.harness.relaytimeouts import relay_timeouts
from tests.harness.serving import serving

MESSAGES = int(os.environ.get("PROPERTY_MESSAGES", "60"))
SEED = int(os.environ.get("PROPERTY_SEED", "1"))
SESSIONS = 20  # at the same time
USERS = 5
TIMEOUT = 30.0  # seconds for a reply of the server
RELAY_TIMEOUT = 0.6  # seconds
SETTINGS = f"""
{relay_timeouts(RELAY_TIMEOUT)}
submission_relay_connect_timeout = 5s
passdb {{
  driver = static
  args = password=secret
}}
"""


class Over(Exception):
    """The server has closed the connection."""


@dataclass
class Heard:
    """What one client was told about one message."""

    token: str
    user: str
    content: bytes
    accepted: list[str] = field(default_factory=list)
    final: str = ""  # the reply to the message
    has_ended: bool = False  # the client waited for that reply
    strange: list[str] = field(default_factory=list)  # replies that were meant for somebody else


class Client:
    """One session."""

    def __init__(self, port: int, number: int, chance: random.Random) -> None:
        self.user = f"u{number % USERS}@example.org"
        self.number = number
        self.chance = chance
        self._sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._replies = self._sock.makefile("rb")
        self.reply()
        self.ask(b"EHLO client.example.org")
        assert self.ask(b"AUTH PLAIN " + b64encode(f"\0{self.user}\0secret".encode()))[:3] == "235"

    def ask(self, line: bytes) -> str:
        self.send(line + b"\r\n")
        return self.reply()

    def send(self, octets: bytes) -> None:
        try:
            self._sock.sendall(octets)
        except OSError as error:
            raise Over from error

    def reply(self) -> str:
        lines = []
        while True:
            try:
                line = self._replies.readline().decode()
            except ConnectionError as error:
                raise Over from error
            if not line:
                raise Over
            lines.append(line)
            if line[3:4] != "-":
                return "".join(lines)

    def close(self) -> None:
        self._sock.close()

    def submit(self, message: Heard) -> None:
        """Do it one way or another."""
        chance = self.chance
        if chance.random() < 0.1:
            self._verify(message)
        recipients = [f"{message.token}-{number}@example.net" for number in range(chance.choice((1, 1, 2, 3)))]
        lines = [f"MAIL FROM:<{message.token}@example.org>", *(f"RCPT TO:<{recipient}>" for recipient in recipients)]
        replies = self._envelope([line.encode() for line in lines])
        for reply in replies:
            self._note(message, reply, ("MAIL", "RCPT", "EXTRA"))
        if replies[0][0] != "2":
            return
        message.accepted = [
            recipient for recipient, reply in zip(recipients, replies[1:], strict=True) if reply[0] == "2"
        ]
        if chance.random() < 0.1:
            self.ask(b"RSET")
            return
        if not message.accepted:
            self.ask(b"RSET")
            return
        if chance.random() < 0.05:
            raise Over
        message.final = self._content(message)
        message.has_ended = True
        self._note(message, message.final, ("END", "REFUSED", "DATA", "BDAT", "MAIL", "RCPT", "EXTRA"))

    def _envelope(self, lines: list[bytes]) -> list[str]:
        if self.chance.random() < 0.6:
            self.send(b"".join(line + b"\r\n" for line in lines))
            return [self.reply() for _ in lines]
        return [self.ask(line) for line in lines]

    def _content(self, message: Heard) -> str:
        if self.chance.random() < 0.5:
            go_ahead = self.ask(b"DATA")
            if go_ahead[:3] != "354":
                return go_ahead
            self.send(re.sub(rb"(?m)^\.", b"..", message.content) + b".\r\n")
            return self.reply()
        cut = self.chance.choice((0, len(message.content) // 2))
        octets = b"BDAT %d\r\n%b" % (cut, message.content[:cut]) if cut else b""
        rest = message.content[cut:]
        self.send(octets + b"BDAT %d LAST\r\n%b" % (len(rest), rest))
        if cut and (reply := self.reply())[0] != "2":
            return self.reply() and reply
        return self.reply()

    def _verify(self, message: Heard) -> None:
        reply = self.ask(b"VRFY " + message.token.encode())
        self._note(message, reply, ("VRFY",))

    def _note(self, message: Heard, reply: str, verbs: tuple[str, ...]) -> None:
        """The marks of the relay's replies in what we hear must be those of this message."""
        for verb, token in MARK.findall(reply):
            if verb != "BYE" and (token != message.token or verb not in verbs):
                message.strange.append(reply)


@dataclass
class Crowd:
    """All sessions, and what they were told."""

    port: int
    chance: random.Random
    heard: list[Heard] = field(default_factory=list)
    _begun: int = 0

    def run(self, messages: int) -> None:
        """Submit so many messages."""
        gevent.joinall([gevent.spawn(self._sessions, number, messages) for number in range(SESSIONS)], raise_error=True)

    def _sessions(self, number: int, messages: int) -> None:
        while self._begun < messages:
            client = Client(self.port, number, self.chance)
            try:
                for _ in range(min(self.chance.choice((1, 3, 10)), messages - self._begun)):
                    client.submit(self._next(number, client.user))
                client.ask(b"QUIT")
            except Over:
                pass
            finally:
                client.close()

    def _next(self, number: int, user: str) -> Heard:
        self._begun += 1
        token = f"u{number}x{self._begun}"
        lines = [f"Subject: evil-{token}".encode(), b"", *self.chance.choices(body_lines(token), k=12)]
        content = b"\r\n".join([*lines, b"nOoP"]) + b"\r\n"
        if self.chance.random() < 0.03:
            content += (f"evil-{token} ".encode() * 7 + b"\r\n") * self.chance.choice((2_000, 2_000, 40_000))
        self.heard.append(Heard(token, user, content))
        return self.heard[-1]


def faults(crowd: Crowd, relay: LyingRelay) -> Iterator[tuple[str, str]]:
    """The kind of each thing that is not as it should be, and what it was."""
    for line in relay.attacks:
        yield "content carried out as a command", repr(line)
    stored: defaultdict[str, list[Stored]] = defaultdict(list)
    for mail in relay.stored:
        stored[mail.sender].append(mail)
    for heard in crowd.heard:
        mails = stored.pop(heard.token, [])
        for reply in heard.strange:
            yield "a reply meant for another command", f"{heard.token} heard {reply!r}"
        for mail in mails:
            yield from _of_stored(heard, mail, relay)
        if len(mails) > 1:
            yield "stored twice", heard.token
        if heard.final[:3] == "250":
            if not mails:
                yield "250 without a message", f"{heard.token} heard {heard.final!r}"
            elif f"=END {heard.token}=" not in heard.final:
                yield "250 that is not the answer to the message", f"{heard.token} heard {heard.final!r}"
        elif any(mail.is_plain for mail in mails) and heard.has_ended:
            yield "stored, and nothing odd was said, but not 250", f"{heard.token} heard {heard.final!r}"
    for token in stored:
        yield "a message that nobody sent", token


def _of_stored(heard: Heard, mail: Stored, relay: LyingRelay) -> Iterator[tuple[str, str]]:
    added, found, rest = mail.content.partition(heard.content)
    if not found or rest or not (not added or added.startswith(b"Received: ")):
        yield "other content", f"{heard.token}: {mail.content[:200]!r}"
    if sorted(mail.recipients) != sorted(heard.accepted):
        yield "other recipients", f"{heard.token}: {mail.recipients} instead of {heard.accepted}"
    if mail.login not in ("", heard.user):  # to a relay that knows HELO only, nobody can be named
        yield "other client", f"{heard.token}: {mail.login} instead of {heard.user}"


WAYS = {
    "as it comes": "",
    "few connections": "submission_relay_max_connections = 6\n",
    "no field of ours": "submission_add_received_header = no\n",
    "trusted": "submission_relay_trusted = yes\n",
}


@pytest.mark.parametrize("kind", ["steady", "changing", "counting"])
@pytest.mark.parametrize("way", WAYS)
def test_250_is_the_relays_word_for_this_message(way: str, kind: str) -> None:
    relay = LyingRelay(SEED, RELAY_TIMEOUT, kind == "steady", xclient=way == "trusted", counts=kind == "counting")
    relay.start()
    crowd = Crowd(0, random.Random(f"{SEED} {way} {kind}"))
    started = time.monotonic()
    with crashes.noted() as crashed, serving(SETTINGS + WAYS[way], relay.port) as served:
        crowd.port = served.port
        crowd.run(MESSAGES)
    relay.stop()
    found = list(faults(crowd, relay))
    counted = Counter(kind for kind, _ in found)
    taken = sum(heard.final[:3] == "250" for heard in crowd.heard)
    print(
        f"{len(crowd.heard)} messages, {taken} of them 250, {relay.connections} connections, {time.monotonic() - started:.1f} s"
    )
    print(f"lies: {dict(relay.lies)}")
    assert not crashed
    assert "Traceback" not in served.log_text
    assert "internal error" not in served.log_text.lower()
    for kind in counted:
        print(f"{kind}, {counted[kind]} times:", *[what for of, what in found if of == kind][:3], sep="\n  ")
    assert not counted
    assert relay.lies
    assert taken > len(crowd.heard) / 20, "hardly any message went through: this shows nothing"
