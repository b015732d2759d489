"""Random dialogs against sessions over socketpairs, in front of a relay that lies: what a client hears is its own.

No 250 that the relay did not give to this message, no traceback, and nothing left over. `PROPERTY_CONNECTIONS` says how
many connections there are, `PROPERTY_SEED` which ones.
"""

from __future__ import annotations

import gc
import logging
import os
import random
import re
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO

import gevent
import pytest
from gevent.pool import Pool

from gsubmit.app.build import build_service
from gsubmit.logs import output
from gsubmit.relay.relay import Relay
from gsubmit.server.conversation import converse
from gsubmit.server.endpoints import Endpoints
from gsubmit.server.service import Service
from gsubmit.server.session import Session
from gsubmit.server.wire import Wire
from gsubmit.settings.load import load_text
from gsubmit.settings.sections import LoggingSettings
from tests.harness import crashes
from tests.harness.lyingrelay import MARK, TOKEN, LyingRelay, Stored, body_lines
from tests.harness.relaytimeouts import relay_timeouts
from tests.harness.serving import configuration

CONNECTIONS = int(os.environ.get("PROPERTY_CONNECTIONS", "2000"))
SEED = int(os.environ.get("PROPERTY_SEED", "1"))
AT_A_TIME = 40
SLOTS = 12
TIMEOUT = 20.0  # seconds for any reply of the server
RELAY_TIMEOUT = 0.6  # seconds
SETTINGS = f"""
submission_relay_max_connections = {SLOTS}
{relay_timeouts(RELAY_TIMEOUT)}
"""
AUTH = b"AUTH PLAIN " + b64encode(b"\0user@example.org\0secret")
ANYTHING = (
    b"EHLO [127.0.0.1]", b"HELO x", b"EHLO", b"RSET", b"RSET", b"NOOP", b"NOOP x", b"HELP", b"EXPN x", b"AUTH PLAIN =", b"AUTH",
    b"AUTH PLAIN", b"AUTH LOGIN dXNlcg==", AUTH, b"RCPT TO:<x>", b"RCPT TO:<bad@@>", b"MAIL FROM:<NEW@example.org>", b"DATA", b"BDAT 0", b"", b"\xff\0",
    b"BDAT x", b"FOO", b"MAIL FROM:<NEW@example.org> SIZE=99999999999", b"x" * 700, b"STARTTLS", b"VRFY \xff",
)  # fmt: skip


class Over(Exception):
    """The session has ended."""


@dataclass
class Final:
    """The reply to a message, and the message."""

    token: str
    content: bytes
    reply: str


@dataclass
class Dialog:
    """One client. `number` is in all of its tokens; `finals` and `marks` are what it heard."""

    sock: socket.socket
    number: int
    chance: random.Random
    finals: list[Final] = field(default_factory=list)
    whole: list[tuple[str, bytes]] = field(default_factory=list)  # messages all of which was sent
    marks: list[tuple[str, str]] = field(default_factory=list)
    _open: str = "-"  # the transaction
    _token: str = "-"  # the one that is tried
    _messages: int = 0
    _content: bytes = b""
    _input: bytes = b""

    def run(self) -> None:
        """Some dialog, to its end or to somewhere within it."""
        try:
            self._converse()
        except Over:
            pass
        finally:
            self.sock.close()

    def _converse(self) -> None:
        chance = self.chance
        self._reply()
        if chance.random() < 0.95:
            self._ask(b"EHLO client.example.org")
        if chance.random() < 0.95:
            self._ask(AUTH)
        for _ in range(chance.choice((1, 2, 4, 8))):
            step = chance.choices((self._message, self._some, self._verify, self._leave), (10, 6, 1, 1))[0]
            step()
        self._ask(b"QUIT")

    def _some(self) -> None:
        """Any commands, together."""
        for reply in self._ask(*self.chance.choices(ANYTHING, k=self.chance.choice((1, 1, 3)))):
            if reply[:3] == "354":
                self._say(b".\r\n")
                self._reply()
            answer = reply
            while answer[:3] == "334":
                [answer] = self._ask(self.chance.choice((b"*", b"dXNlcg==", b"c2VjcmV0", b"x", AUTH)))

    def _verify(self) -> None:
        self._ask(f"VRFY {self._new_token()}".encode())

    def _leave(self) -> None:
        """In the middle of something."""
        self._say(
            self.chance.choice(
                (b"", b"MAIL FROM:<>\r\nRCP", b"DATA\r\n", b"BDAT 100 LAST\r\nhello", b"RSET\r\nNOOP\r\n")
            )
        )
        raise Over

    def _message(self) -> None:
        chance = self.chance
        token = self._token = self._new_token()
        self._content = b""
        recipients = [
            f"RCPT TO:<{token}-{number}@example.net>".encode() for number in range(chance.choice((0, 1, 1, 1, 2)))
        ]
        lines = [f"MAIL FROM:<{token}@example.org>".encode(), *recipients]
        if chance.random() < 0.1:
            lines.insert(chance.randrange(len(lines)), chance.choice(ANYTHING[:8]))
        if chance.random() < 0.6:
            replies = self._ask(*lines)
        else:
            replies = [reply for line in lines for reply in self._ask(line)]
        if chance.random() < 0.1 or "354" in {reply[:3] for reply in replies}:
            self._leave()
        self._chunks() if chance.random() < 0.5 else self._data()

    def _some_content(self) -> bytes:
        lines = self.chance.choices(body_lines(self._token), k=self.chance.choice((1, 5, 20)))
        return b"\r\n".join([f"Subject: evil-{self._token}".encode(), *lines, b"nOoP", b""])

    def _data(self) -> None:
        [go_ahead] = self._ask(b"DATA")
        if go_ahead[:3] != "354":
            self._end(go_ahead)
            return
        self._content = self._some_content()
        doubled = re.sub(rb"(?m)^\.", b"..", self._content) + b".\r\n"
        if self.chance.random() < 0.05:
            self._say(doubled[: self.chance.randrange(len(doubled))])
            raise Over
        self.whole.append((self._open, self._content))
        if self.chance.random() < 0.2:
            self._say(doubled + b"NOOP\r\n")
            self._end(self._reply())
            self._reply()
            return
        self._say(doubled)
        self._end(self._reply())

    def _chunks(self) -> None:
        content = self._some_content()
        cuts = sorted(self.chance.randrange(len(content)) for _ in range(self.chance.choice((0, 0, 1, 3))))
        pieces = [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]
        octets = b"".join(b"BDAT %d%b\r\n%b" % (len(piece), b" LAST" if number == len(cuts) else b"", piece) for number, piece in enumerate(pieces))  # fmt: skip
        if self.chance.random() < 0.05:
            self._say(octets[: self.chance.randrange(len(octets))])
            raise Over
        self.whole.append((self._open, content))
        self._say(octets)
        replies = [self._reply() for _ in pieces]
        self._content = content
        self._end(replies[-1])

    def _end(self, reply: str) -> None:
        self.finals.append(Final(self._open, self._content, reply))

    def _new_token(self) -> str:
        self._messages += 1
        return f"u{self.number}x{self._messages}"

    def _ask(self, *lines: bytes) -> list[str]:
        """Say all of them in one breath and hear what each is answered. It ends where no answers can be counted."""
        said = [line.replace(b"NEW", self._new_token().encode()) if b"NEW" in line else line for line in lines]
        self._say(b"".join(line + b"\r\n" for line in said))
        replies = []
        for line in said:
            reply = self._reply()
            if line.startswith(b"MAIL") and reply[0] == "2" and (found := TOKEN.search(line)):
                self._open = found[0].decode()
            replies.append(reply)
            if reply[:3] in ("334", "354", "220") and len(replies) < len(lines):
                raise Over  # the other lines were no commands
            if line == b"STARTTLS":
                raise Over
        return replies

    def _say(self, octets: bytes) -> None:
        """Cut anywhere."""
        places = (
            sorted(self.chance.randrange(len(octets)) for _ in range(self.chance.choice((0, 0, 1, 4))))
            if octets
            else []
        )
        try:
            for start, end in zip([0, *places], [*places, len(octets)], strict=True):
                self.sock.sendall(octets[start:end])
                if places:
                    gevent.sleep(0)
        except OSError as error:
            raise Over from error

    def _reply(self) -> str:
        lines: list[str] = []
        while True:
            while b"\n" not in self._input:
                octets = self._receive()
                self._input += octets
            line, _, self._input = self._input.partition(b"\r\n")
            lines.append(line.decode())
            if line[3:4] != b"-":
                reply = "\n".join(lines)
                self.marks += MARK.findall(reply)
                if reply[:3] == "421":
                    raise Over
                return reply

    def _receive(self) -> bytes:
        try:
            octets = self.sock.recv(65536)
        except ConnectionError as error:
            raise Over from error
        if not octets:
            raise Over
        return octets


def serve(service: Service, sock: socket.socket, number: int) -> None:
    """What a Listener does for a connection."""
    wire = Wire(sock, TIMEOUT)
    session = Session(wire, service, Endpoints("127.0.0.1", number % 60000 + 1, "127.0.0.1", 587), gevent.Timeout())
    try:
        converse(session)
    finally:
        wire.close()


def play(service: Service, number: int, chance: random.Random) -> Dialog:
    """One connection; both of its ends are over when this returns."""
    ours, theirs = socket.socketpair()
    ours.settimeout(TIMEOUT)
    server = gevent.spawn(serve, service, theirs, number)
    dialog = Dialog(ours, number, chance)
    dialog.run()
    server.join(TIMEOUT)
    assert server.dead, f"the session of connection {number} does not end"
    return dialog


def faults(dialog: Dialog, relay: LyingRelay, seen: int) -> Iterator[str]:
    """What this client should not have heard; `seen` messages were stored before it came."""
    for verb, token in dialog.marks:
        if verb != "BYE" and not token.startswith(f"u{dialog.number}x"):
            yield f"connection {dialog.number} heard the answer to {verb} of {token}"
    mine = [mail for mail in relay.stored[seen:] if mail.sender.startswith(f"u{dialog.number}x")]
    if len({mail.sender for mail in mine}) < len(mine):
        yield f"stored twice: {[mail.sender for mail in mine]}"
    for final in dialog.finals:
        if final.reply[:3] == "250" and f"=END {final.token}=" not in final.reply:
            yield f"{final.token} heard {final.reply!r} about the message"
        if final.reply[:3] == "250" and not any(_is(mail, final.token, final.content) for mail in mine):
            yield f"{final.token} heard {final.reply!r}, and the relay has not got it"
    for mail in mine:
        if not any(_is(mail, token, content) for token, content in dialog.whole):
            yield f"nobody sent {mail.sender} with {mail.content!r}"


def _is(mail: Stored, token: str, content: bytes) -> bool:
    """Whether it is this message, with or without a field of ours before it."""
    added = mail.content[: -len(content)]
    return (
        mail.sender == token
        and bool(content)
        and mail.content.endswith(content)
        and (not added or added.startswith(b"Received: "))
    )


@contextmanager
def nothing_left_over() -> Iterator[None]:
    """As many greenlets and descriptors after the block as before."""
    before = _greenlets(), _descriptors()
    yield
    end = time.monotonic() + TIMEOUT
    while (after := (_greenlets(), _descriptors())) > before and time.monotonic() < end:
        gevent.sleep(0.05)
    assert after <= before, f"greenlets, descriptors: {before} before and {after} after"


def _greenlets() -> int:
    gc.collect()
    return sum(isinstance(thing, gevent.Greenlet) and not thing.dead for thing in gc.get_objects())


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@contextmanager
def relayed(*, xclient: bool, counts: bool) -> Iterator[tuple[Service, LyingRelay, StringIO]]:
    """What sessions share, the relay, and the log."""
    relay = LyingRelay(SEED, RELAY_TIMEOUT, xclient=xclient, counts=counts)
    relay.start()
    log = StringIO()
    trusted = "submission_relay_trusted = yes\n" if xclient else ""
    service = build_service(load_text(configuration(SETTINGS + trusted, relay.port)[0]).settings)
    output.configure(LoggingSettings(), log)
    try:
        yield service, relay, log
        assert isinstance(service.relay, Relay)
        service.relay.close()
        eventually(lambda: relay.is_left)
    finally:
        relay.stop()
        logging.getLogger("gsubmit").handlers.clear()


def eventually(is_so: Callable[[], bool]) -> None:
    """Wait for it."""
    end = time.monotonic() + TIMEOUT
    while not is_so():
        assert time.monotonic() < end
        gevent.sleep(0.01)


def what_is_left(service: Service, relay: LyingRelay) -> Iterator[str]:
    """Slots that cannot be had, and kept connections that are out of step, once the relay has stopped lying."""
    relay.is_honest = True
    for first in (10**9, 2 * 10**9):
        dialogs = Pool(SLOTS).map(lambda number: play_honestly(service, number), range(first, first + SLOTS))
        for dialog in dialogs:
            if [final.reply[:3] for final in dialog.finals] != ["250"]:
                yield f"an honest relay, and yet: {dialog.finals}"
            yield from faults(dialog, relay, 0)


class Honest(Dialog):
    """One message in lock-step. All of them have their transaction open at the same time."""

    def _converse(self) -> None:
        self._reply()
        self._ask(b"EHLO client.example.org")
        self._ask(AUTH)
        token = self._token = self._new_token()
        self._ask(f"MAIL FROM:<{token}@example.org>".encode(), f"RCPT TO:<{token}-0@example.net>".encode())
        gevent.sleep(0.1)
        self._data()


class _NoChance(random.Random):
    """Nothing unusual."""

    def random(self) -> float:
        return 0.99


def play_honestly(service: Service, number: int) -> Dialog:
    """One message from somebody who does everything right."""
    ours, theirs = socket.socketpair()
    ours.settimeout(TIMEOUT)
    server = gevent.spawn(serve, service, theirs, number)
    dialog = Honest(ours, number, _NoChance(number))
    dialog.run()
    server.join(TIMEOUT)
    return dialog


@pytest.mark.parametrize("kind", ["any", "trusting", "counting"])
def test_dialogs_leave_nothing_and_hear_their_own(kind: str) -> None:
    found: list[str] = []
    taken = 0

    def one(number: int) -> None:
        nonlocal taken
        seen = len(relay.stored)
        dialog = play(service, number, random.Random(f"{SEED} {kind} {number}"))
        taken += sum(final.reply[:3] == "250" for final in dialog.finals)
        found.extend(faults(dialog, relay, seen))

    count = CONNECTIONS // 3
    with (
        crashes.noted() as crashed,
        nothing_left_over(),
        relayed(xclient=kind == "trusting", counts=kind == "counting") as (service, relay, log),
    ):
        pool = Pool(AT_A_TIME)
        for number in range(count):
            pool.spawn(one, number)
        pool.join()
        found.extend(what_is_left(service, relay))
    print(f"{count} connections, {taken} messages taken, lies: {dict(relay.lies)}")
    print(f"{len(found)} faults, {len(relay.attacks)} lines of content carried out", *found[:20], sep="\n")
    assert not crashed
    assert "Traceback" not in log.getvalue()
    assert "internal error" not in log.getvalue().lower()
    assert not relay.attacks
    assert not found
    assert taken > count / 20, "hardly any message went through: this shows nothing"
