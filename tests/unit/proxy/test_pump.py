"""Octets between client and backend: all of them, both ways, and the end of each."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import gevent
import pytest

from gsubmit.proxy import pump as pumping
from gsubmit.proxy.pump import BLOCK, Pump
from gsubmit.tls.certificates import new_context
from tests.harness.serving import certificate_folder


@dataclass
class Pumping:
    """A pump at work, with the far ends of its two connections."""

    client: socket.socket
    backend: socket.socket
    pump: Pump
    greenlet: gevent.Greenlet[[], str]
    notes: list[bool] = field(default_factory=list)

    def why(self) -> str:
        return self.greenlet.get(timeout=5)


def pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        far = socket.create_connection(server.getsockname())
        near, _ = server.accept()
    far.settimeout(5)
    return far, near


@pytest.fixture
def pumped() -> Iterator[Pumping]:
    yield from start()


def start(
    from_client: bytes = b"", from_backend: bytes = b"", *, tls: bool = False, delay: float = 0.0
) -> Iterator[Pumping]:
    client, near = pair()
    if tls:
        client, near = secured(client, near)
    backend, other = pair()
    notes: list[bool] = []
    pump = Pump(near, other, from_client, from_backend, notes.append, delay)
    made = Pumping(client, backend, pump, gevent.spawn(pump.run), notes)
    try:
        yield made
    finally:
        made.greenlet.kill()
        for sock in (client, near, backend, other):
            sock.close()


def secured(client: socket.socket, near: socket.socket) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
    context = new_context(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_folder() / "cert.pem", certificate_folder() / "key.pem")
    trusting = ssl.create_default_context(cafile=str(certificate_folder() / "ca.pem"))
    handshake = gevent.spawn(trusting.wrap_socket, client, server_hostname="localhost")
    wrapped = context.wrap_socket(near, server_side=True)
    return handshake.get(), wrapped


def received(sock: socket.socket, size: int) -> bytes:
    octets = b""
    while len(octets) < size and (more := sock.recv(size - len(octets))):
        octets += more
    return octets


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "TLS"])
def test_both_ways_at_once(tls: bool) -> None:
    """Neither side reads before it has sent all: a pump that waits for one of them would stand still."""
    for made in start(tls=tls):
        up, down = os.urandom(3_000_000), os.urandom(3_000_000)
        for sock, octets in ((made.client, up), (made.backend, down)):
            gevent.spawn(sock.sendall, octets)
        reading = [gevent.spawn(received, made.backend, len(up)), gevent.spawn(received, made.client, len(down))]
        assert [greenlet.get(timeout=20) for greenlet in reading] == [up, down]
        assert (made.pump.up.octets, made.pump.down.octets) == (len(up), len(down))


def test_others_may_run_before_each_block(monkeypatch: pytest.MonkeyPatch, pumped: Pumping) -> None:
    """Of a client that sends without end: what one block takes, of TLS records with hardly any data, is enough."""
    turns: list[int] = []
    monkeypatch.setattr(pumping, "let_others_run", lambda: turns.append(pumped.pump.up.octets))
    sent = 30 * BLOCK
    gevent.spawn(pumped.client.sendall, b"x" * sent)
    received(pumped.backend, sent)
    assert max(after - before for before, after in zip(turns, [*turns[1:], sent], strict=True)) <= BLOCK


def test_what_was_read_ahead_comes_first() -> None:
    for made in start(b"NOOP\r\n", b"250 more\r\n"):
        assert received(made.backend, 6) == b"NOOP\r\n"
        assert received(made.client, 10) == b"250 more\r\n"


def test_memory_is_bounded(pumped: Pumping) -> None:
    """Who does not read stops who sends, and not the other way."""
    sent = 50_000_000
    sending = gevent.spawn(pumped.client.sendall, b"x" * sent)
    with gevent.Timeout(5):
        while not pumped.pump.up.pending:
            gevent.sleep(0.001)
    assert len(pumped.pump.up.pending) <= BLOCK
    pumped.backend.sendall(b"250 Ok\r\n")
    assert received(pumped.client, 8) == b"250 Ok\r\n"
    assert sum(len(pumped.backend.recv(BLOCK)) for _ in range(20)) > BLOCK
    sending.kill()


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "TLS"])
def test_a_client_that_has_said_all_hears_the_rest(tls: bool) -> None:
    for made in start(tls=tls):
        made.client.sendall(b"QUIT\r\n")
        if tls:
            with pytest.raises(ssl.SSLWantReadError):
                made.client.settimeout(0)
                made.client.unwrap()  # type: ignore[attr-defined]
            made.client.settimeout(5)
        else:
            made.client.shutdown(socket.SHUT_WR)
        assert received(made.backend, 100) == b"QUIT\r\n"
        made.backend.sendall(b"221 Bye\r\n")
        assert received(made.client, 9) == b"221 Bye\r\n"
        made.backend.close()
        assert made.why() == "Connection closed"
        assert made.pump.ended_by == "client"
        assert not made.pump.was_dropped()


def test_a_client_that_has_said_all_hears_what_was_on_its_way() -> None:
    """OpenSSL has some of it already, and would take it for an error if it were asked for the backend's end too."""
    (client, near), (backend, other) = pair(), pair()
    other, backend = secured(other, backend)
    pump = Pump(near, other)
    at_work = gevent.spawn(pump.run)
    octets = os.urandom(10_000_000)
    sending = gevent.spawn(backend.sendall, octets)
    with gevent.Timeout(5):
        while not pump.down.pending:
            gevent.sleep(0.01)
    client.sendall(b"QUIT\r\n")
    client.shutdown(socket.SHUT_WR)
    assert received(backend, 100) == b"QUIT\r\n"
    assert received(client, len(octets)) == octets
    for greenlet in (sending, at_work):
        greenlet.kill()
    for sock in (client, near, backend, other):
        sock.close()


@pytest.mark.parametrize(
    ("last", "is_dropped"), [(b"221 2.0.0 Bye\r\n", False), (b"421 Going down\r\n", False), (b"250 Ok\r\n", True)]
)
def test_a_backend_that_has_gone(
    monkeypatch: pytest.MonkeyPatch, pumped: Pumping, last: bytes, is_dropped: bool
) -> None:
    """The client hears of it, and is not waited for long."""
    monkeypatch.setattr(pumping, "CLOSING_TIME", 0.05)
    pumped.backend.sendall(last)
    pumped.backend.close()
    assert received(pumped.client, 100) == last
    assert pumped.why() == "Connection closed"
    assert pumped.pump.ended_by == "server"
    assert pumped.pump.was_dropped() is is_dropped


@pytest.mark.parametrize(("last", "is_late"), [(b"250 Ok\r\n", True), (b"221 2.0.0 Bye\r\n", False)])
def test_a_client_hears_later_of_a_backend_that_has_gone(
    monkeypatch: pytest.MonkeyPatch, last: bytes, is_late: bool
) -> None:
    """Or all would come back at once."""
    monkeypatch.setattr("random.uniform", lambda _, most: most)
    for made in start(delay=1.0):
        made.backend.sendall(last)
        made.backend.close()
        assert received(made.client, len(last)) == last
        since = time.monotonic()
        assert made.client.recv(1) == b""
        assert (time.monotonic() - since > 0.9) is is_late


def test_a_backend_that_is_reset(pumped: Pumping) -> None:
    pumped.backend.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    pumped.backend.close()
    pumped.client.sendall(b"NOOP\r\n")
    pumped.client.close()
    pumped.why()
    assert pumped.pump.ended_by in ("server", "client")


def test_who_takes_nothing_for_long_is_left(monkeypatch: pytest.MonkeyPatch, pumped: Pumping) -> None:
    monkeypatch.setattr(pumping, "STALL_TIME", 0.1)
    sending = gevent.spawn(pumped.client.sendall, b"x" * 50_000_000)
    assert pumped.why() == "no octet was taken in time"
    sending.kill()


@pytest.mark.parametrize(
    ("said", "is_between"),
    [
        pytest.param(b"250 Ok\r\n", True, id="a reply"),
        pytest.param(b"250-Ok\r\n250 Ok\r\n", True, id="its last line"),
        pytest.param(b"250-Ok\r\n", False, id="one more line is to come"),
        pytest.param(b"354 Go on\r\n", False, id="the client is to send content"),
        pytest.param(b"250 O", False, id="half a line"),
        pytest.param(b"250 " + b"x" * 2000 + b"\r\n", False, id="no reply that one looks at"),
    ],
)
def test_between_two_commands(pumped: Pumping, said: bytes, is_between: bool) -> None:
    pumped.client.sendall(b"NOOP\r\n")
    received(pumped.backend, 6)
    gevent.sleep(0.01)
    assert not pumped.pump.is_between
    pumped.backend.sendall(said)
    received(pumped.client, len(said))
    gevent.sleep(0.01)
    assert pumped.pump.is_between is is_between
    assert pumped.notes == [True, False, *([True] if is_between else [])]
