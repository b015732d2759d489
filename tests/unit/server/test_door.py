"""Who gets a place when all are taken, and who has to give one up for that."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import cast

import gevent
import pytest

from gsubmit.server.door import BUSY_SHARE, IDLE_SHARE, TIME_TO_BEGIN, Door, Greenlet, Holder
from gsubmit.server.logins import Logins
from gsubmit.server.session import Session
from gsubmit.server.waiting import Awaits, Interrupted
from tests.harness.serving import Serving, serving
from tests.harness.smtpserver import Server, served

LIMIT = 100
FRESH: Holder = ("network", "203.0.113.1")


@dataclass
class Named:
    """A login, and its identity."""

    user: str

    @property
    def identity(self) -> Named:
        return self


@dataclass
class Waiting:
    awaits: Awaits = Awaits.COMMAND
    octets_in: int = 0
    octets_out: int = 0


@dataclass(eq=False)
class Guest:
    """What the door looks at in a session, and its greenlet."""

    network: str
    login: Named | None = None
    age: float = 0.0
    transaction: object = None
    is_trusted: bool = False
    is_over: bool = False
    wire: Waiting = field(default_factory=Waiting)
    dead: bool = False
    id: str = "x"

    def throw(self, _: Interrupted) -> None:
        self.is_over = True


class House:
    def __init__(self) -> None:
        self.door = Door(LIMIT)

    def enter(self, guest: Guest) -> Guest:
        self.door.enter(cast(Session, guest), cast(Greenlet, guest))
        return guest

    def fill(self, network: str = "198.51.100.{}") -> list[Guest]:
        """Others, one from each network."""
        count = LIMIT - len(self.door.sessions)
        return [self.enter(Guest(network.format(number))) for number in range(count)]

    def room_for(self, newcomer: Holder = FRESH) -> list[Guest]:
        """Who had to go for a newcomer; an empty list when the newcomer has to."""
        made = self.door.evict_for(newcomer)
        gevent.sleep(0)
        gone = [cast(Guest, session) for session in self.door.sessions if cast(Guest, session).is_over]
        assert made == bool(gone)
        for session in gone:
            self.door.leave(cast(Session, session))
        return gone


@pytest.fixture
def house() -> House:
    return House()


def test_a_network_of_silent_ones_gives_its_oldest(house: House) -> None:
    attackers = [house.enter(Guest("192.0.2.1")) for _ in range(LIMIT // 2)]
    house.fill()
    assert house.room_for() == attackers[:1]
    assert house.room_for() == attackers[1:2]


def test_a_network_of_silent_ones_pushes_nobody_out(house: House) -> None:
    """Not those that hold less, whatever their age, and of its own only who is slow."""
    attackers = [house.enter(Guest("192.0.2.1")) for _ in range(LIMIT // 2)]
    others = house.fill()
    for guest in others:
        guest.age = TIME_TO_BEGIN + 1
    assert house.room_for(("network", "192.0.2.1")) == []
    fresh = Door(LIMIT)
    house.door = fresh
    attackers[0].age = TIME_TO_BEGIN + 1
    for guest in [*attackers, *others]:
        house.enter(guest)
    assert house.room_for(("network", "192.0.2.1")) == attackers[:1]


def test_a_user_with_many_places_gives_idle_ones(house: House) -> None:
    """From however many addresses: a user is one."""
    user = Named("eve")
    sessions = [house.enter(Guest(f"192.0.2.{number}", user)) for number in range(LIMIT // 2)]
    sessions[0].transaction = object()
    house.fill()
    assert house.room_for() == sessions[1:2]


def test_a_login_is_noticed(house: House) -> None:
    sessions = [house.enter(Guest(f"192.0.2.{number}")) for number in range(LIMIT // 2)]
    house.fill()
    for session in sessions:
        session.login = Named("eve")
    assert house.room_for() == sessions[:1]


@pytest.mark.parametrize("awaits", [Awaits.COMMAND, Awaits.CONTENT])
def test_a_user_with_a_large_part_gives_transactions_too(house: House, awaits: Awaits) -> None:
    """Else MAIL or an octet of content now and then would keep all places for ever."""
    part = LIMIT // BUSY_SHARE + 1
    sessions = [house.enter(Guest("n", Named("eve"), transaction=object(), wire=Waiting(awaits))) for _ in range(part)]
    house.fill()
    assert house.room_for() == sessions[:1]
    assert house.room_for() == []


def test_whoever_works_or_waits_for_the_relay_stays(house: House) -> None:
    for _ in range(LIMIT):
        house.enter(Guest("n", Named("eve"), transaction=object(), wire=Waiting(Awaits.NOTHING)))
    assert house.room_for() == []


def test_a_user_keeps_a_small_part(house: House) -> None:
    for _ in range(LIMIT // IDLE_SHARE):
        house.enter(Guest("n", Named("bob")))
    house.fill()
    assert house.room_for() == []


def test_trusted_addresses_are_not_one(house: House) -> None:
    """Webmail has many users behind one address: who of them is at the login takes one place each."""
    for number in range(LIMIT // 2):
        house.enter(Guest("192.0.2.1", is_trusted=True, id=str(number)))
    others = [house.enter(Guest("192.0.2.2")) for _ in range(3)]
    house.fill()
    assert house.room_for(("trusted", "")) == others[:1]


def test_the_slow_go_when_nobody_holds_much(house: House) -> None:
    guests = house.fill()
    for guest in guests[:2]:
        guest.age = TIME_TO_BEGIN + 1
    guests[0].wire.awaits = Awaits.NOTHING
    assert house.room_for() == guests[1:2]  # the idle first
    house.fill("n{}")
    assert house.room_for() == guests[:1]
    house.fill("m{}")
    assert house.room_for() == []


def test_who_logs_in_at_the_last_moment_stays(house: House) -> None:
    attackers = [house.enter(Guest("192.0.2.1")) for _ in range(LIMIT)]
    assert house.door.evict_for(FRESH)
    attackers[0].login, attackers[0].wire.awaits = Named("bob"), Awaits.NOTHING
    gevent.sleep(0)
    assert not attackers[0].is_over
    assert not house.door.evicted


def test_ipv6_networks_count_as_one_address() -> None:
    logins = Logins()
    assert all(logins.state.enter("eve", f"2001:db8:1:{number}::1", 3) for number in range(3))
    assert not logins.state.enter("eve", "2001:db8:1:99::1", 3)
    assert logins.state.enter("eve", "2001:db8:2::1", 3)
    logins.state.leave("eve", "2001:db8:1:7::7")
    assert logins.state.enter("eve", "2001:db8:1:99::1", 3)


# For real

TAKEN = 20
SMALL = f"service submission-login {{\n  process_limit = {TAKEN}\n}}\ndisable_plaintext_auth = no\n"
LOGIN = b"EHLO x\r\nAUTH PLAIN AHVzZXIAc2VjcmV0\r\n"


def connect(running: Serving, address: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.port), 5, (address, 0))


def heard(sock: socket.socket, end: bytes) -> bytes:
    octets = b""
    while end not in octets and (more := sock.recv(4096)):
        octets += more
    return octets


@contextmanager
def full_house(addresses: int, said: bytes, answer: bytes) -> Iterator[Serving]:
    relay = Server()
    with served(relay), serving(SMALL, relay.port) as running, ExitStack() as stack:
        for number in range(TAKEN):
            sock = stack.enter_context(connect(running, f"127.0.1.{number % addresses + 1}"))
            sock.sendall(said)
            assert answer in heard(sock, answer)
        yield running


@pytest.mark.parametrize(
    ("addresses", "said", "answer"),
    [
        pytest.param(1, b"", b"220 ", id="strangers of one address"),
        pytest.param(1, b"AUTH LOGIN\r\n", b"\n334 ", id="half a login"),
        pytest.param(4, LOGIN, b"\n235 ", id="one user"),
        pytest.param(4, LOGIN + b"MAIL FROM:<a@b.example>\r\n", b" 2.1.0 ", id="one user, in transactions"),
    ],
)
def test_honest_clients_get_in(addresses: int, said: bytes, answer: bytes) -> None:
    with full_house(addresses, said, answer) as running:
        for number in range(10):
            with connect(running, f"127.0.2.{number + 1}") as honest:
                assert heard(honest, b"\n").startswith(b"220 ")
                honest.sendall(LOGIN + b"QUIT\r\n")
                assert b"\n235 " in heard(honest, b"\n221 ")
    assert "Traceback" not in running.log_text
