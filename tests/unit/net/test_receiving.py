"""Receiving by a socket that does not block."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import gevent
import pytest

from gsubmit.net.receiving import receive
from tests.unit.test_tlssocket import connected


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    yield ours, theirs
    ours.close()
    theirs.close()


def test_what_is_there_already(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].send(b"250 ok\r\n")
    assert receive(pair[0], 4, 1.0) == b"250 "
    assert receive(pair[0], 4096, 1.0) == b"ok\r\n"


def test_what_comes_and_the_end(pair: tuple[socket.socket, socket.socket]) -> None:
    gevent.spawn_later(0.02, pair[1].send, b"250 ok\r\n")
    assert receive(pair[0], 4096, 1.0) == b"250 ok\r\n"
    gevent.spawn_later(0.02, pair[1].close)
    assert receive(pair[0], 4096, 1.0) == b""


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_nothing_comes(pair: tuple[socket.socket, socket.socket], seconds: float) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="no answer in time"):
        receive(pair[0], 4096, seconds)
    assert seconds <= time.monotonic() - began < seconds + 5
    pair[1].send(b"late")
    assert receive(pair[0], 4096, 1.0) == b"late"


def test_who_is_slow_itself_is_not_late(pair: tuple[socket.socket, socket.socket]) -> None:
    """Both the octets and the end of the time are there when the loop runs again."""

    def hold_up() -> None:
        pair[1].send(b"250 ok\r\n")
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            pass

    gevent.spawn(hold_up)
    assert receive(pair[0], 4096, 0.05) == b"250 ok\r\n"


def test_closed_meanwhile(pair: tuple[socket.socket, socket.socket]) -> None:
    gevent.spawn_later(0.02, pair[0].close)
    with pytest.raises(OSError, match="descriptor"):
        receive(pair[0], 4096, 1.0)


def test_the_rest_of_a_tls_record() -> None:
    with connected() as (ours, hostile):
        ours.settimeout(0)
        hostile.sock.sendall(hostile.data(b"250 ok\r\n"))
        assert receive(ours, 4, 1.0) == b"250 "
        assert receive(ours, 4096, 1.0) == b"ok\r\n"
        with pytest.raises(TimeoutError):
            receive(ours, 4096, 0.05)
