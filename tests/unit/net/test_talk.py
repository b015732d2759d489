"""Many waits on one socket: each ends in time, whatever the timer was set for before."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator

import gevent
import pytest

from gsubmit.net.talk import Talk
from gsubmit.tls.certificates import client_context, new_context
from gsubmit.tls.tlssocket import TlsSocket
from tests.harness.serving import certificate_folder

SECONDS = 0.5
LONG = 600.0
SOON = 2.0  # seconds: much more than SECONDS, and nothing beside LONG
Pair = tuple[Talk, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(SOON)
    talk = Talk(ours)
    yield talk, theirs
    talk.close()
    talk.close()
    theirs.close()


def receive_within(talk: Talk, seconds: float) -> bytes:
    return talk.receive(100, time.monotonic() + seconds)


def times_out(talk: Talk, seconds: float) -> bool:
    """Whether nothing comes, and that is known neither early nor late."""
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        receive_within(talk, seconds)
    return seconds <= time.monotonic() - began < seconds + SOON


def test_what_is_there_and_what_comes(pair: Pair) -> None:
    talk, theirs = pair
    theirs.sendall(b"one")
    assert receive_within(talk, SECONDS) == b"one"
    gevent.spawn_later(SECONDS, theirs.sendall, b"two")
    assert receive_within(talk, SOON) == b"two"
    theirs.close()
    assert receive_within(talk, SECONDS) == b""


def test_an_answer_that_was_there_before_we_spoke(pair: Pair) -> None:
    talk, theirs = pair
    theirs.sendall(b"answer")
    talk.send(b"question", time.monotonic() + SECONDS)
    assert receive_within(talk, SECONDS) == b"answer"


@pytest.mark.parametrize("before", [LONG, SECONDS / 2])
def test_a_timer_that_was_set_for_another_wait(pair: Pair, before: float) -> None:
    talk, theirs = pair
    gevent.spawn_later(SECONDS / 10, theirs.sendall, b"soon")
    assert receive_within(talk, before) == b"soon"
    assert times_out(talk, SECONDS)
    assert times_out(talk, SECONDS)


def test_a_timer_that_comes_while_nobody_waits(pair: Pair) -> None:
    talk, theirs = pair
    gevent.spawn_later(SECONDS / 10, theirs.sendall, b"soon")
    assert receive_within(talk, SECONDS) == b"soon"
    gevent.sleep(2 * SECONDS)
    assert times_out(talk, SECONDS)


def test_who_takes_nothing(pair: Pair) -> None:
    talk, _ = pair
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        talk.send(bytes(4_000_000), time.monotonic() + SECONDS)
    assert time.monotonic() - began < SOON


def test_much_is_sent_whole(pair: Pair) -> None:
    talk, theirs = pair
    much = b"x" * 4_000_000
    sending = gevent.spawn(talk.send, much, time.monotonic() + 5 * SOON)
    got = 0
    while got < len(much):
        got += len(theirs.recv(65536))
    sending.get(timeout=SOON)


def test_tls_has_read_ahead() -> None:
    """A wait for the socket would be in vain when all records came at once."""
    server = new_context(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate_folder() / "cert.pem", certificate_folder() / "key.pem")
    ours, theirs = socket.socketpair()
    client = client_context("", "", verify=False)
    shaking = gevent.spawn(client.wrap_socket, theirs, server_hostname="mx.example")
    sock = server.wrap_socket(ours, server_side=True)
    other = shaking.get(timeout=SOON)
    assert isinstance(sock, TlsSocket)
    talk = Talk(sock)
    other.sendall(b"one")
    other.sendall(b"two")
    gevent.sleep(SECONDS)
    for expected in (b"one", b"two"):
        talk.send(b"go on", time.monotonic() + SECONDS)
        assert receive_within(talk, SECONDS) == expected
    assert times_out(talk, SECONDS)
    talk.close()
    other.close()
