"""Listeners with `haproxy = yes`, over real sockets: whose word counts, when it has to come, and what follows from it."""

from __future__ import annotations

import base64
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from gsubmit.net.proxyprotocol import SIGNATURE
from gsubmit.settings.load import load_text
from tests.harness.serving import Serving, certificate_folder, serving

LISTENERS = """
service submission-login {
  inet_listener submission {
    haproxy = yes
  }
  inet_listener submissions {
    haproxy = yes
  }
}
"""
TRUSTED = "haproxy_trusted_networks = 127.0.0.0/30\n" + LISTENERS
V1 = b"PROXY TCP4 192.0.2.10 198.51.100.25 56324 587\r\n"
V6 = b"PROXY TCP6 2001:db8::10 2001:db8::25 56324 465\r\n"
V2 = SIGNATURE + bytes.fromhex("2111000c c000020a c6336419 dc04024b")
LOCAL = SIGNATURE + bytes.fromhex("20ff0003 ffffff")
TLS = SIGNATURE + bytes.fromhex("2111001e c000020a c6336419 dc04024b 20000f 01 00000001 210007") + b"TLSv1.3"
PASSWORD = b"AUTH PLAIN " + base64.b64encode(b"\0user\0secret") + b"\r\n"


@contextmanager
def connected(port: int, source: str = "127.0.0.1") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), 5, (source, 0)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield sock


def everything(sock: socket.socket) -> bytes:
    """What comes until the server closes."""
    said = b""
    try:
        while octets := sock.recv(4096):
            said += octets
    except ConnectionResetError:
        pass
    return said


def wrapped(sock: socket.socket) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(certificate_folder() / "ca.pem"))
    return context.wrap_socket(sock, server_hostname="localhost")


def shown_in(running: Serving, text: str) -> bool:
    """Whether the log has this text soon."""
    deadline = time.monotonic() + 3
    while text not in running.log_text and time.monotonic() < deadline:
        time.sleep(0.01)
    return text in running.log_text


@pytest.mark.parametrize(
    ("header", "client", "server"),
    [
        pytest.param(V1, "192.0.2.10", "198.51.100.25", id="TV-PPX-6 TCP4"),
        pytest.param(V6, "2001:db8::10", "2001:db8::25", id="TV-PPX-6 TCP6"),
        pytest.param(V2, "192.0.2.10", "198.51.100.25", id="TV-PPX-1"),
        pytest.param(b"PROXY UNKNOWN\r\n", "127.0.0.1", "127.0.0.1", id="TV-PPX-6 UNKNOWN"),
        pytest.param(b"PROXY UNKNOWN 1 2 3\r\n", "127.0.0.1", "127.0.0.1", id="TV-PPX-6 UNKNOWN with more"),
        pytest.param(LOCAL, "127.0.0.1", "127.0.0.1", id="TV-PPX-3 LOCAL"),
    ],
)
@pytest.mark.parametrize("is_implicit", [False, True], ids=["587", "465"])
@pytest.mark.parametrize("piece", [1, 1000], ids=["octets", "whole"])
def test_who_the_client_is(header: bytes, client: str, server: str, is_implicit: bool, piece: int) -> None:
    """PPX-1: before the greeting and before TLS; what follows at once is the client's (PPX-12)."""
    with serving(TRUSTED) as running, connected(running.tls_port if is_implicit else running.port) as sock:
        for at in range(0, len(header), piece):
            sock.sendall(header[at : at + piece])
            if piece == 1:
                time.sleep(0.001)
        with wrapped(sock) if is_implicit else sock as talk:
            talk.sendall(b"EHLO c.example\r\nQUIT\r\n")
            said = everything(talk)
        assert said.startswith(b"220 msa.example.org ")
        assert said.endswith(b"Bye\r\n")
        assert shown_in(running, f"rip={client}, lip={server}")


def test_everything_in_one_packet() -> None:
    with serving(TRUSTED) as running, connected(running.port) as sock:
        sock.sendall(V2 + b"EHLO c.example\r\nQUIT\r\n")
        assert everything(sock).endswith(b"Bye\r\n")


@pytest.mark.parametrize("is_implicit", [False, True], ids=["587", "465"])
def test_nothing_is_said_before_the_header(is_implicit: bool) -> None:
    with serving(TRUSTED) as running, connected(running.tls_port if is_implicit else running.port) as sock:
        sock.sendall(V1[:-1])
        sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        sock.settimeout(5)
        sock.sendall(V1[-1:])
        with wrapped(sock) if is_implicit else sock as talk:
            assert talk.recv(100).startswith(b"220 ")


@pytest.mark.parametrize("said", [V1, V2, b"EHLO c.example\r\n", b""], ids=["v1", "v2", "EHLO", "nothing"])
def test_whose_word_does_not_count(said: bytes) -> None:
    """TV-PPX-9, PPX-2: closed at once, and the log tells of it once in a while only."""
    with serving(TRUSTED) as running:
        for _ in range(3):
            with connected(running.port, "127.0.0.9") as sock:
                sock.sendall(said)
                assert everything(sock) == b""
        text = f"port {running.port}: 127.0.0.9 is not in haproxy_trusted_networks"
        assert shown_in(running, text)
        assert running.log_text.count(text) == 1


def test_nobody_is_trusted_by_himself() -> None:
    with serving(LISTENERS) as running, connected(running.port) as sock:
        assert everything(sock) == b""
        assert shown_in(running, "127.0.0.1 is not in haproxy_trusted_networks")


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"EHLO c.example\r\n", id="TV-PPX-9"),
        pytest.param(b"PROXY TCP4 192.0.2.010 198.51.100.25 1 2\r\n", id="TV-PPX-7"),
        pytest.param(SIGNATURE + bytes.fromhex("2111000b") + bytes(11), id="TV-PPX-8"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abc", id="BOT-13 TLS first"),
    ],
)
@pytest.mark.parametrize("is_implicit", [False, True], ids=["587", "465"])
def test_no_header(said: bytes, is_implicit: bool) -> None:
    """PPX-2: without a word; a place is not even taken."""
    with serving(TRUSTED) as running, connected(running.tls_port if is_implicit else running.port) as sock:
        sock.sendall(said)
        assert everything(sock) == b""
        assert shown_in(running, "closed a connection from 127.0.0.1: ")
        assert "rip=" not in running.log_text


@pytest.mark.parametrize("said", [b"", V2[:20], V1[:-1]], ids=["nothing", "half", "all but one"])
def test_no_header_in_time(said: bytes) -> None:
    with serving(TRUSTED + "haproxy_timeout = 100 ms\n") as running, connected(running.port) as sock:
        since = time.monotonic()
        sock.sendall(said)
        assert everything(sock) == b""
        assert time.monotonic() - since < 2
        assert shown_in(running, "127.0.0.1: no PROXY header in time")


def test_a_header_after_tls_is_none() -> None:
    """BOT-13."""
    with serving(TRUSTED) as running, connected(running.tls_port) as sock, pytest.raises(OSError):
        wrapped(sock)


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
def test_elsewhere_it_is_a_bad_command(header: bytes) -> None:
    """TV-PPX-9: on a listener without haproxy, whoever says it."""
    with serving("haproxy_trusted_networks = 127.0.0.1\n") as running, connected(running.port) as sock:
        assert sock.recv(100).startswith(b"220 ")
        sock.sendall(header + b"EHLO c.example\r\n")
        assert sock.recv(100).startswith(b"500 ")
        sock.close()
        assert shown_in(running, "rip=127.0.0.1, lip=127.0.0.1")


def test_not_too_many_wait_for_their_header() -> None:
    limit = "service submission-login {\n  process_limit = 2\n}\n"
    with serving(TRUSTED + limit) as running, connected(running.port), connected(running.port):
        time.sleep(0.05)
        with connected(running.port) as third:
            assert everything(third) == b""
        assert shown_in(running, "too many wait for their PROXY header")


def test_a_place_is_the_clients_not_the_front_ends() -> None:
    """With two places, the client that holds both of them makes room for another one."""
    limit = "service submission-login {\n  process_limit = 2\n}\n"
    with serving(TRUSTED + limit) as running, connected(running.port) as first, connected(running.port) as second:
        for sock in (first, second):
            sock.sendall(V1)
            assert sock.recv(100).startswith(b"220 ")
        with connected(running.port) as other:
            other.sendall(V6)
            assert other.recv(100).startswith(b"220 ")
        assert first.recv(100).startswith(b"421 ")


def test_connections_of_a_user_are_counted_by_the_clients_address() -> None:
    settings = "mail_max_userip_connections = 1\ndisable_plaintext_auth = no\n"
    with serving(TRUSTED + settings) as running, ExitStack() as stack:
        for header, code in ((V1, b"235"), (V6, b"235"), (V2, b"454")):
            sock = stack.enter_context(connected(running.port))
            sock.sendall(header)
            assert sock.recv(100).startswith(b"220 ")
            sock.sendall(PASSWORD)
            assert sock.recv(100).startswith(code)


def test_tls_at_the_front_end_is_tls() -> None:
    """PPX-10, PPX-11, TV-PPX-5."""
    with serving(TRUSTED + "ssl = required\n") as running:
        with connected(running.port) as sock:
            sock.sendall(TLS + b"EHLO c.example\r\nSTARTTLS\r\n" + PASSWORD + b"QUIT\r\n")
            said = everything(sock)
            assert b"250-AUTH PLAIN LOGIN\r\n" in said
            assert b"STARTTLS" not in said
            assert b"502 5.5.1 TLS is already active\r\n235 " in said
        assert shown_in(running, "Login: user=<user>, method=PLAIN, rip=192.0.2.10, lip=198.51.100.25, TLS, ")
        with connected(running.port) as sock:
            sock.sendall(V2 + b"EHLO c.example\r\n" + PASSWORD + b"QUIT\r\n")
            said = everything(sock)
            assert b"250 STARTTLS\r\n" in said
            assert b"530 5.7.0 " in said


def test_a_field_too_many_is_no_harm() -> None:
    """PPX-8: unknown ones are skipped."""
    header = V2[:14] + struct.pack(">H", 12 + 8) + V2[16:] + bytes.fromhex("e00005") + b"12345"
    with serving(TRUSTED) as running, connected(running.port) as sock:
        sock.sendall(header)
        assert sock.recv(100).startswith(b"220 ")


def test_xclient_from_whom_the_header_names() -> None:
    """XCL-10: the front end behind a front end is who is trusted, and not every client of that."""
    with serving(TRUSTED + "login_trusted_networks = 192.0.2.10\n") as running:
        for header, reply in ((V1, b"220 msa"), (V6, b"550 5.7.14 ")):
            with connected(running.port) as sock:
                sock.sendall(header)
                assert sock.recv(100).startswith(b"220 ")
                sock.sendall(b"XCLIENT ADDR=203.0.113.1\r\n")
                assert sock.recv(100).startswith(reply)
        assert shown_in(running, "rip=203.0.113.1, lip=198.51.100.25")


def test_check_config_warns_when_nobody_can_connect() -> None:
    def warnings(text: str) -> list[str]:
        return [notice.text for notice in load_text(f"ssl = no\n{text}").notices if notice.kind == "warning"]

    listener = "service submission-login {\ninet_listener submission {\nhaproxy = yes\n}\n}\n"
    expected = "'inet_listener submission' has haproxy = yes, and nobody is in haproxy_trusted_networks"
    assert warnings(listener) == [expected]
    assert warnings(listener + "haproxy_trusted_networks = 192.0.2.1\n") == []
    assert warnings("haproxy_trusted_networks = 192.0.2.1\n") == []
