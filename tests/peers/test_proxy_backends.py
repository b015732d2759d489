"""Three backends behind a login proxy, and two hundred users at once: one backend fails, and comes back."""

from __future__ import annotations

import smtplib
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import gevent
import pytest

from tests.harness.fakerelay import FakeRelay
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_message import RECIPIENT, SENDER, small_message
from tests.harness.peer_process import HOST
from tests.harness.ports import free_ports
from tests.harness.relayscript import EVERY_OTHER, KEYWORDS, Does, RelayScript

BACKENDS = 3
USERS = range(200)
LOST = USERS[::BACKENDS]  # users have the backends in turn, and the first one fails
OTHERS = [number for number in USERS if number not in LOST]
TIMEOUT = 5.0  # seconds: login_proxy_timeout
SLACK = 5.0  # seconds that a busy machine may need on top
RETURN = 10.0  # seconds in which a backend that is back has its users again
NO_RELAY = 9
SETTINGS = f"login_proxy_timeout = {TIMEOUT:g}s\nsubmission_backend_capabilities = 8BITMIME\n"
PASSDB = "driver = passwd-file\n  args = {folder}/proxied"
UNAVAILABLE = (454, b"4.7.0 Account is temporarily unavailable.")


class Backend(FakeRelay):
    """A server that takes every login. It comes back on the port that it had."""

    def __init__(self, port: int) -> None:
        super().__init__(RelayScript((*KEYWORDS, "AUTH PLAIN")))
        self.port = port

    def start(self) -> None:
        self.listen(socket.create_server((HOST, self.port), backlog=len(USERS)))

    def hang(self) -> None:
        """Say nothing to those who come from now on."""
        self.script.connections[EVERY_OTHER] = [Does("SILENT")]

    def recover(self) -> None:
        """Speak again."""
        self.script.connections.clear()

    @property
    def tokens(self) -> set[str]:
        """Of all messages that it took."""
        contents = [mail.content.partition(b"Message-ID: <")[2] for mail in self.accepted]
        return {content.partition(b"@")[0].decode() for content in contents}


@contextmanager
def _backends() -> Iterator[list[Backend]]:
    with ExitStack() as stack:
        backends = [Backend(port) for port in free_ports(BACKENDS)]
        for backend in backends:
            backend.start()
            stack.callback(backend.stop)
        yield backends


def _proxied(backends: Sequence[Backend]) -> str:
    """The file of users."""
    ports = [backends[number % BACKENDS].port for number in USERS]
    return "".join(f"{n}:::::::nopassword=y proxy=y host={HOST} port={port}\n" for n, port in enumerate(ports))


@dataclass
class Users:
    """What each does when its number is called; it returns when that was done."""

    port: int  # of the proxy
    clients: dict[int, smtplib.SMTP] = field(default_factory=dict)

    def begin(self, number: int) -> float:
        """Log in, submit and stay."""
        self.clients[number], reply = self._login(number)
        assert reply[0] == 235, reply
        return self.submit(number, "first")

    def submit(self, number: int, which: str) -> float:
        """In the session that is there."""
        self.clients[number].sendmail(SENDER, [RECIPIENT], small_message(f"{which}-{number}"))
        return time.monotonic()

    def go_on(self, number: int) -> float:
        """In the old session, and in a new one."""
        self.submit(number, "second")
        self.clients[number].quit()
        return self.come_back(number)

    def be_refused(self, number: int) -> float:
        """With the words that say that it is not the user's fault."""
        client, reply = self._login(number)
        client.close()
        assert reply == UNAVAILABLE
        return time.monotonic()

    def come_back(self, number: int, patience: float = 0.0) -> float:
        """Log in and submit; until `patience` has ended a login may be refused."""
        end = time.monotonic() + patience
        while True:
            self.clients[number], reply = self._login(number)
            if reply != UNAVAILABLE or time.monotonic() > end:
                break
            self.clients[number].close()
            gevent.sleep(0.2)
        assert reply[0] == 235, reply
        done = self.submit(number, "third")
        self.clients[number].quit()
        return done

    def _login(self, number: int) -> tuple[smtplib.SMTP, tuple[int, bytes]]:
        client = smtplib.SMTP(HOST, self.port, "client.example.org", 60)
        client.ehlo()
        return client, client.docmd("AUTH PLAIN", b64encode(f"\0{number}\0secret".encode()).decode())


def _latest(numbers: Sequence[int], what: Callable[[int], float]) -> float:
    """When all of these users had done it, all at once."""
    greenlets = [gevent.spawn(what, number) for number in numbers]
    gevent.joinall(greenlets, raise_error=True)
    return max(greenlet.get() for greenlet in greenlets)


@pytest.mark.slow
@pytest.mark.parametrize("dies", [True, False], ids=["dies", "hangs"])
def test_nobody_waits_for_a_backend_but_its_own_users(dies: bool) -> None:
    with _backends() as backends, gsubmit(NO_RELAY, SETTINGS, {"proxied": _proxied(backends)}, passdb=PASSDB) as proxy:
        users = Users(proxy.port)
        failing = backends[0]
        begin = _latest(USERS, users.begin)
        failing.stop() if dies else failing.hang()
        refused = gevent.spawn(_latest, LOST, users.be_refused)
        assert _latest(OTHERS, users.go_on) < begin + TIMEOUT
        assert refused.get() < begin + TIMEOUT + SLACK
        for number in LOST:
            if dies:
                with users.clients[number] as client, suppress(smtplib.SMTPServerDisconnected):
                    assert client.getreply()[0] == 421
            else:
                users.submit(number, "second")
                users.clients[number].quit()
        begin = time.monotonic()
        failing.start() if dies else failing.recover()
        assert _latest(LOST, partial(users.come_back, patience=RETURN)) < begin + RETURN
        for number, backend in enumerate(backends):
            sent = ["first", "third"] if dies and backend is failing else ["first", "second", "third"]
            assert backend.tokens == {f"{which}-{user}" for which in sent for user in USERS[number::BACKENDS]}
