"""A socket with its read-ahead: whatever the other side does, it ends in time."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator

import gevent
import pytest
import trustme

from gsubmit.net.stream import ClearText, LineTooLong, Stream
from gsubmit.tls.certificates import new_context

SECONDS = 0.3  # seconds
SOON = 10 * SECONDS  # much less than what comes octet by octet takes
Pair = tuple[Stream, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    stream = Stream(ours, time.monotonic() + SECONDS)
    yield stream, theirs
    stream.close()
    theirs.close()


@pytest.fixture(scope="module")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The client's and the server's."""
    ca = trustme.CA()
    client, server = new_context(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.configure_trust(client)
    ca.issue_cert("mx.example").configure_cert(server)
    return client, server


def test_lines(pair: Pair) -> None:
    stream, theirs = pair
    theirs.sendall(b"one\r\ntwo\nthr")
    assert [stream.read_line(20), stream.read_line(20)] == [b"one\r\n", b"two\n"]
    theirs.sendall(b"ee")
    theirs.close()
    assert [stream.read_line(20), stream.read_line(20)] == [b"three", b""]


def test_a_line_without_end(pair: Pair) -> None:
    stream, theirs = pair
    theirs.sendall(b"x" * 21)
    with pytest.raises(LineTooLong):
        stream.read_line(20)


def test_octets(pair: Pair) -> None:
    stream, theirs = pair
    theirs.sendall(b"abcdef")
    assert [stream.read_some(4), stream.read_some(4)] == [b"abcd", b"ef"]
    theirs.close()
    assert stream.read_some(4) == b""


def _drip(theirs: socket.socket, octets: bytes = b"x" * 250) -> None:
    for octet in octets:
        theirs.sendall(bytes([octet]))
        time.sleep(SECONDS / 10)


def _flood(theirs: socket.socket) -> None:
    while True:
        theirs.sendall(b"x\n" * 1000)


def _read_lines(stream: Stream) -> None:
    while stream.read_line(1000):
        pass


@pytest.mark.parametrize(
    ("act", "does"),
    [
        pytest.param(_drip, _read_lines, id="a line octet by octet"),
        pytest.param(lambda _: None, _read_lines, id="silence"),
        pytest.param(_flood, _read_lines, id="always more to say"),
        pytest.param(lambda _: None, lambda stream: stream.send(b"x" * 10_000_000), id="deaf"),
    ],
)
def test_one_deadline(pair: Pair, act: Callable[[socket.socket], None], does: Callable[[Stream], None]) -> None:
    stream, theirs = pair
    other = gevent.spawn(act, theirs)
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        does(stream)
    assert time.monotonic() - begin < SOON
    other.kill()


def test_more_time(pair: Pair) -> None:
    stream, theirs = pair
    with pytest.raises(TimeoutError):
        stream.read_line(20)
    stream.allow(SECONDS)
    theirs.sendall(b"late\n")
    assert stream.read_line(20) == b"late\n"


def test_silence(pair: Pair) -> None:
    stream, theirs = pair
    assert stream.is_silent()
    theirs.sendall(b"BYE\n")
    assert not stream.is_silent()
    assert stream.read_line(20) == b"BYE\n"
    assert stream.is_silent()
    theirs.close()
    assert not stream.is_silent()


def test_tls(pair: Pair, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    stream, theirs = pair

    def serve() -> None:
        with contexts[1].wrap_socket(theirs, server_side=True) as secured:
            secured.sendall(secured.recv(100))

    other = gevent.spawn(serve)
    assert stream.start_tls(contexts[0], "mx.example").version() == "TLSv1.3"
    stream.send(b"hello\n")
    assert stream.read_line(20) == b"hello\n"
    other.get()


@pytest.mark.parametrize("is_silent", [True, False])
def test_silence_inside_tls(pair: Pair, contexts: tuple[ssl.SSLContext, ssl.SSLContext], is_silent: bool) -> None:
    """Session tickets of TLS 1.3 are nothing that the server has said."""
    stream, theirs = pair
    handshake = gevent.spawn(contexts[1].wrap_socket, theirs, server_side=True)
    stream.start_tls(contexts[0], "mx.example")
    with handshake.get() as server:
        if not is_silent:
            server.sendall(b"* BYE\r\n")
        gevent.sleep(0.02)
        assert stream.is_silent() is is_silent


def test_a_record_octet_by_octet(pair: Pair, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    stream, theirs = pair
    other = gevent.spawn(_drip, theirs, b"\x16\x03\x03\x01\x00" + b"x" * 250)  # a record of 256 octets
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        stream.start_tls(contexts[0], "mx.example")
    assert time.monotonic() - begin < SOON
    other.kill()


def test_clear_text_before_tls(pair: Pair, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """RFC 3207 6."""
    stream, theirs = pair
    theirs.sendall(b"220 go on\r\n250 injected\r\n")
    assert stream.read_line(20) == b"220 go on\r\n"
    with pytest.raises(ClearText):
        stream.start_tls(contexts[0], "mx.example")


def test_hand_over(pair: Pair) -> None:
    stream, theirs = pair
    theirs.sendall(b"one\ntwo\n")
    assert stream.read_line(20) == b"one\n"
    sock, ahead = stream.hand_over()
    assert (sock, ahead) == (stream.sock, b"two\n")
    again = Stream(sock, time.monotonic() + SECONDS, ahead)
    assert again.read_line(20) == b"two\n"
