"""TLS records without data: others run after each, and too many end the connection."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest

from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.means import Means
from gsubmit.auth.oauth.settings import read as read_oauth
from gsubmit.auth.passdbs import imap
from gsubmit.server.wire import Closed, TimedOut, Wire
from gsubmit.settings.load import load_text
from gsubmit.tls import openssl, tlssocket
from gsubmit.tls.certificates import client_context, new_context
from gsubmit.tls.server import ServerTls
from gsubmit.tls.tlssocket import MAX_IN_HANDSHAKE, MAX_WITHOUT_DATA, TlsSocket
from tests.harness.serving import certificate_folder
from tests.harness.tlsrecords import Hostile

ENOUGH = 20
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
Ends = tuple[TlsSocket, Hostile]


def server_context() -> ssl.SSLContext:
    context = new_context(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_folder() / "cert.pem", certificate_folder() / "key.pem")
    return context


@contextmanager
def connected(*, as_server: bool = True, version: ssl.TLSVersion = TLS_1_3) -> Iterator[Ends]:
    """Our end, which is the server or the client, and the hostile one."""
    ours, theirs = socket.socketpair()
    if as_server:
        context, other = server_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        other.check_hostname, other.verify_mode = False, ssl.CERT_NONE
    else:
        context, other = client_context("", "", verify=False), server_context()
        other.options &= ~ssl.OP_NO_RENEGOTIATION
    context.maximum_version = version
    hostile = Hostile(theirs, other, server_side=not as_server)
    shaking = gevent.spawn(hostile.shake_hands)
    sock = context.wrap_socket(ours, server_side=as_server, server_hostname=None if as_server else "mx.example")
    assert isinstance(sock, TlsSocket)
    sock.settimeout(5)
    shaking.get(timeout=5)
    try:
        yield sock, hostile
    finally:
        sock.close()
        theirs.close()


@pytest.fixture(params=["KeyUpdate", "KeyUpdate that asks for one", "KeyUpdate of a server", "session ticket"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[TlsSocket, Hostile, Callable[[], bytes]]]:
    """Both ends, and what makes one record more."""
    of_server = request.param in ("KeyUpdate of a server", "session ticket")
    with connected(as_server=not of_server) as (ours, hostile):
        if of_server:  # the tickets that come with each handshake
            hostile.sock.sendall(hostile.data(b"x"))
            assert ours.recv(1) == b"x"
        make: Callable[[], bytes] = {
            "KeyUpdate that asks for one": lambda: hostile.key_update(asks=True),
            "session ticket": hostile.ticket,
        }.get(request.param, hostile.key_update)
        yield ours, hostile, make


HostileEnds = tuple[TlsSocket, Hostile, Callable[[], bytes]]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many octets OpenSSL was given before each time that it read."""
    found: list[int] = []
    give = openssl.Source.give

    def noted(source: openssl.Source, octets: bytes) -> bool:
        found.append(len(octets))
        return give(source, octets)

    monkeypatch.setattr(openssl.Source, "give", noted)
    return found


def test_one_record_for_each_read(ends: HostileEnds, taken: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, and whoever sends them: one call takes one, and others may run before the next."""
    ours, hostile, make = ends
    records = [make() for _ in range(ENOUGH)]
    hostile.sock.sendall(b"".join(records) + hostile.data(b"hello"))
    turns: list[int] = []
    monkeypatch.setattr(tlssocket, "let_others_run", lambda: turns.append(len(taken)))
    assert ours.recv(100) == b"hello"
    assert taken[:ENOUGH] == [len(record) for record in records]
    assert turns[-ENOUGH:] == list(range(1, ENOUGH + 1))


def test_too_many_end_it(ends: HostileEnds) -> None:
    ours, hostile, make = ends
    hostile.sock.sendall(b"".join(make() for _ in range(MAX_WITHOUT_DATA + 2)) + hostile.data(b"too late"))
    for _ in range(2):  # and it does not get better
        with pytest.raises(ssl.SSLError, match="more than 32 TLS records without data"):
            ours.recv(100)


def test_data_between_them_is_all_right(ends: HostileEnds) -> None:
    ours, hostile, make = ends
    for _ in range(3):
        records = b"".join(make() for _ in range(MAX_WITHOUT_DATA))
        hostile.sock.sendall(records + hostile.data(b"hello"))
        assert ours.recv(100) == b"hello"


def test_without_waiting(ends: HostileEnds) -> None:
    """A look whether there is something also finds what stands behind such records."""
    ours, hostile, make = ends
    ours.settimeout(0)
    with pytest.raises(ssl.SSLWantReadError):
        ours.recv(100)
    hostile.sock.sendall(b"".join(make() for _ in range(ENOUGH)))
    with pytest.raises(ssl.SSLWantReadError):
        ours.recv(100)
    hostile.sock.sendall(make() + make() + hostile.data(b"hello"))
    assert ours.recv(100) == b"hello"
    hostile.sock.sendall(b"".join(make() for _ in range(3 * MAX_WITHOUT_DATA)))
    with pytest.raises(ssl.SSLError, match="records without data"):
        ours.recv(100)


def test_a_slow_record_is_one_record() -> None:
    """Octet by octet, as over a bad line."""
    with connected() as (ours, hostile):
        record = hostile.key_update() + hostile.data(b"hello" * 100)

        def send() -> None:
            for octet in record:
                hostile.sock.send(bytes([octet]))
                gevent.sleep(0)

        sending = gevent.spawn(send)
        assert ours.recv(1000) == b"hello" * 100
        sending.get(timeout=5)


@pytest.mark.parametrize("as_server", [True, False], ids=["ClientHello", "HelloRequest"])
def test_renegotiation_is_refused(as_server: bool, taken: list[int]) -> None:
    """CHB-5, TLS-10: a warning, and the connection goes on (RFC 5246 7.4.1.1, 7.2.2)."""
    with connected(as_server=as_server, version=TLS_1_2) as (ours, hostile):
        record = hostile.renegotiation()
        hostile.sock.sendall(record)
        ours.settimeout(0)
        with pytest.raises(ssl.SSLWantReadError):
            ours.recv(100)
        assert len(record) in taken
        ours.settimeout(5)
        ours.sendall(b"still here")
        assert hostile.sock.recv(100)[:1] == b"\x15"  # an alert first


def test_a_peer_that_asks_for_updates_and_reads_nothing() -> None:
    """The answers to all that was asked are one record, before the next data (RFC 8446 4.6.3)."""
    with connected() as (ours, hostile):
        hostile.sock.sendall(b"".join(hostile.key_update(asks=True) for _ in range(ENOUGH)) + hostile.data(b"NOOP"))
        assert ours.recv(100) == b"NOOP"
        ours.sendall(b"250")
        assert hostile.hear() == b"250"


def test_client_hears_why() -> None:
    with connected() as (ours, hostile):
        hostile.sock.sendall(b"".join(hostile.key_update() for _ in range(50)) + hostile.data(b"QUIT\r\n"))
        wire = Wire(ours, 5)
        with pytest.raises(Closed, match="more than 32 TLS records without data"):
            wire.read_line()


def test_has_left_sees_through_them() -> None:
    with connected() as (ours, hostile):
        wire = Wire(ours, 5)
        hostile.sock.sendall(hostile.key_update())
        assert not wire.has_left()
        hostile.sock.sendall(hostile.key_update() + hostile.key_update() + hostile.data(b"NOOP\r\n"))
        assert not wire.has_left()
        assert wire.has_input
        assert wire.read_line() == b"NOOP"
        hostile.sock.sendall(hostile.key_update())
        hostile.sock.close()
        assert wire.has_left()


def hello_in_pieces(octets: int) -> bytes:
    """The beginning of a ClientHello, each record of it with so many octets."""
    hello = b"\x01" + (131_000).to_bytes(3, "big") + bytes(4000)
    return b"".join(
        b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece
        for piece in (hello[at : at + octets] for at in range(0, len(hello), octets))
    )


@pytest.mark.parametrize("octets", [1, 4, 39])
def test_a_hello_in_too_many_pieces(octets: int, taken: list[int]) -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(hello_in_pieces(octets))
    ours.settimeout(5)
    with pytest.raises(ssl.SSLError, match="more than 100 TLS records without data"):
        server_context().wrap_socket(ours, server_side=True)
    assert len(taken) == MAX_IN_HANDSHAKE + 1
    ours.close()
    theirs.close()


def test_a_hello_in_some_pieces(taken: list[int]) -> None:
    """As clients do that pass censors."""
    ours, theirs = socket.socketpair()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    hidden = client.wrap_bio(into, out)
    with pytest.raises(ssl.SSLWantReadError):
        hidden.do_handshake()
    hello = out.read()
    pieces = [hello[at : at + 32] for at in range(5, len(hello), 32)]
    theirs.sendall(b"".join(hello[:3] + len(piece).to_bytes(2, "big") + piece for piece in pieces))
    ours.settimeout(5)
    shaking = gevent.spawn(server_context().wrap_socket, ours, server_side=True)
    while True:
        into.write(theirs.recv(65536))
        try:
            hidden.do_handshake()
            break
        except ssl.SSLWantReadError:
            theirs.sendall(out.read())
    theirs.sendall(out.read())
    server = shaking.get(timeout=5)
    assert taken[: len(pieces)] == [len(piece) + 5 for piece in pieces]
    hidden.write(b"hello")
    theirs.sendall(out.read())
    assert server.recv(10) == b"hello"
    server.close()
    theirs.close()


def test_hello_of_ssl_2() -> None:
    """Old clients begin with one for whatever version (RFC 5246 E.2): it is read to its end, and judged."""
    suites = b"\x00\x00\xff\x00\xc0\x2f\x00\xc0\x2b"
    body = b"\x01\x03\x03" + len(suites).to_bytes(2, "big") + b"\0\0" + (32).to_bytes(2, "big") + suites + bytes(32)
    ours, theirs = socket.socketpair()
    theirs.sendall((0x8000 | len(body)).to_bytes(2, "big") + body)
    ours.settimeout(5)
    with pytest.raises(ssl.SSLError) as caught:
        server_context().wrap_socket(ours, server_side=True)
    assert caught.value.reason == "NO_SHARED_CIPHER"  # for lack of SHA-256 among the signatures that such a hello means
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    ("octets", "reason"),
    [(b"GET / HTTP/1.1\r\n\r\n", "HTTP_REQUEST"), (b"EHLO me.example\r\n", "WRONG_VERSION_NUMBER")],
)
def test_what_is_no_tls_ends_at_once(octets: bytes, reason: str) -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(octets)
    ours.settimeout(5)
    with pytest.raises(ssl.SSLError) as caught:
        server_context().wrap_socket(ours, server_side=True)
    assert caught.value.reason == reason
    ours.close()
    theirs.close()


def test_end_within_the_handshake() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(hello_in_pieces(100)[:500])
    theirs.close()
    ours.settimeout(5)
    with pytest.raises(ssl.SSLEOFError):
        server_context().wrap_socket(ours, server_side=True)
    ours.close()


def test_data_in_pieces_smaller_than_a_record() -> None:
    with connected() as (ours, hostile):
        octets = bytes(range(256)) * 60
        hostile.sock.sendall(hostile.data(octets) + hostile.data(b"more"))
        found = b"".join(ours.recv(1000) for _ in range(16))
        assert found == octets
        assert ours.recv(1000) == b"more"


def test_end_of_the_connection() -> None:
    with connected() as (ours, hostile):
        ours.sendall(b"x")
        assert hostile.hear() == b"x"  # nothing is left unread, so that it is an end and no reset
        hostile.sock.sendall(hostile.data(b"last"))
        hostile.sock.close()
        assert ours.recv(100) == b"last"
        assert ours.recv(100) == b""


def drip(sock: socket.socket, octets: bytes) -> None:
    for octet in octets:
        sock.sendall(bytes([octet]))
        gevent.sleep(0.03)


def test_a_record_octet_by_octet_ends_in_time() -> None:
    with connected() as (ours, hostile):
        ours.settimeout(0.3)
        dripping = gevent.spawn(drip, hostile.sock, hostile.data(b"NOOP\r\n" * 20))
        begin = time.monotonic()
        with pytest.raises(TimeoutError):
            ours.recv(100)
        assert time.monotonic() - begin < 3
        assert ours.gettimeout() == 0.3
        dripping.kill()


def test_a_hello_octet_by_octet_ends_in_time() -> None:
    ours, theirs = socket.socketpair()
    dripping = gevent.spawn(drip, theirs, hello_in_pieces(100))
    wire = Wire(ours, 5)
    begin = time.monotonic()
    with pytest.raises(TimedOut):
        wire.start_tls(server_context(), 0.3)
    assert time.monotonic() - begin < 3
    dripping.kill()
    wire.close()
    ours.close()
    theirs.close()


def test_nobody_sends_anything() -> None:
    with connected() as (ours, _):
        ours.settimeout(0.01)
        with pytest.raises(TimeoutError):
            ours.recv(100)
        assert ours.gettimeout() == 0.01


def test_recv_into() -> None:
    with connected() as (ours, hostile):
        hostile.sock.sendall(hostile.key_update() + hostile.data(b"hello"))
        room = bytearray(10)
        assert ours.recv_into(room) == 5
        assert room[:5] == b"hello"


# Every leg


def test_every_context_makes_such_sockets(tmp_path: Path) -> None:
    folder = certificate_folder()
    text = f"ssl_cert = <{folder}/cert.pem\nssl_key = <{folder}/key.pem\n"
    block = f"local_name a.example {{\n{text}}}\nlocal 192.0.2.1 {{\n{text}}}\n"
    server = ServerTls(load_text(text + block).settings)
    (tmp_path / "oauth").write_text("introspection_mode = post\nintrospection_url = https://idp.example/\n")
    means = Means(VerifiedCache(0, 0, 0))
    contexts = [
        server.context("192.0.2.2"),
        server.context("192.0.2.1"),
        client_context("", ""),
        read_oauth(str(tmp_path / "oauth"), ()).context,
        imap.ImapServer.from_args("host=localhost ssl=imaps", means).context,
    ]
    for context in contexts:
        assert context is not None
        assert context.sslsocket_class is TlsSocket
        assert context.options & ssl.OP_NO_RENEGOTIATION


# Where a context is made for something else than connections: names of ciphers, a handshake in memory.
NOT_FOR_CONNECTIONS = {"settings/kinds.py", "settings/consistency.py", "tls/exporter.py", "tls/openssl.py"}


def test_no_other_context_is_made() -> None:
    root = Path(openssl.__file__).parents[1]
    makers = {
        str(path.relative_to(root)): len(re.findall(r"SSLContext\(|create_default_context\(", path.read_text()))
        for path in root.rglob("*.py")
    }
    found = {name for name, times in makers.items() if times} - NOT_FOR_CONNECTIONS
    assert found == {"tls/certificates.py", "tls/server.py", "testing/server.py"}  # the last is for clients in tests
    assert makers["tls/server.py"] == 1  # cipher_numbers


# OpenSSL that cannot be asked


@pytest.fixture
def fresh() -> Iterator[None]:
    openssl.is_reachable.cache_clear()
    openssl.library.cache_clear()
    yield
    openssl.is_reachable.cache_clear()
    openssl.library.cache_clear()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("owner", "attribute", "instead"),
    [
        pytest.param("sys.implementation", "name", "pypy", id="another Python"),
        pytest.param("_ssl", "__file__", "/nowhere/_ssl.so", id="no such library"),
        pytest.param("ctypes", "PyDLL", lambda _: object(), id="no such function"),
        pytest.param("_ssl", "_SSLSocket", object, id="another object"),
        pytest.param("gsubmit.tls.openssl", "connection", lambda _: None, id="another layout"),
    ],
)
def test_without_openssl_it_is_a_socket_as_any(
    monkeypatch: pytest.MonkeyPatch, owner: str, attribute: str, instead: object
) -> None:
    assert openssl.is_reachable()
    openssl.is_reachable.cache_clear()
    openssl.library.cache_clear()
    monkeypatch.setattr(f"{owner}.{attribute}", instead)
    assert not openssl.is_reachable()
    ours, theirs = socket.socketpair()
    shaking = gevent.spawn(server_context().wrap_socket, ours, server_side=True)
    with client_context("", "", verify=False).wrap_socket(theirs) as client, shaking.get(timeout=5) as server:
        client.sendall(b"hello")
        assert server.recv(100) == b"hello"


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_nothing_more_is_waited_for_after_the_end(version: ssl.TLSVersion) -> None:
    """RFC 8446 6.1: after close_notify nothing comes, whether or not the connection stays open."""
    with connected(version=version) as (ours, hostile):
        hostile.sock.sendall(hostile.data(b"x") + hostile.end())
        assert ours.recv(0) == b""
        assert ours.recv(9) == b"x"
        ours.settimeout(0)
        assert [ours.recv(9), ours.recv(9), ours.recv_into(bytearray(9)), ours.recv_into(bytearray(9))] == [
            b"",
            b"",
            0,
            0,
        ]


def test_reading_nothing_is_no_end() -> None:
    with connected() as (ours, hostile):
        hostile.sock.sendall(hostile.data(b"xy"))
        assert ours.recv(1) == b"x"
        assert (ours.recv(0), ours.recv_into(bytearray())) == (b"", 0)
        assert ours.recv(1) == b"y"
