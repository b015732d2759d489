"""The HTTP server: what it answers, and clients that do it wrong or do nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPMessage

import gevent
import pytest
from gevent.monkey import get_original

from gsubmit.watch import http
from gsubmit.watch.http import Environ, Handler, Http, Page


def hello(environ: Environ) -> Page:
    return Page(f"hello {environ['QUERY_STRING']}\n".encode(), headers=(("X-Hello", "yes"),))


def broken(_: Environ) -> Page:
    raise ZeroDivisionError


PAGES: Mapping[str, Handler] = {"/": hello, "/broken": broken}


@contextmanager
def serving(kind: type[socket.socket] = socket.socket, address: str = "127.0.0.1") -> Iterator[int]:
    """A port."""
    sock = kind()
    sock.bind((address, 0))
    sock.listen()
    sock.settimeout(1)  # so that a server that blocks does not do so for ever
    server = Http(sock, PAGES)
    server.start()
    try:
        yield int(sock.getsockname()[1])
    finally:
        server.stop(timeout=0)


def asked(port: int, method: str, path: str) -> tuple[int, HTTPMessage, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers, body


def said(port: int, octets: bytes) -> bytes:
    """All that comes back."""
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.sendall(octets)
        return b"".join(iter(lambda: sock.recv(65536), b""))


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        pytest.param("GET", "/", 200, b"hello \n", id="a page"),
        pytest.param("GET", "/?x=1", 200, b"hello x=1\n", id="with a query"),
        pytest.param("HEAD", "/", 200, b"", id="head"),
        pytest.param("GET", "/x", 404, b"Not found\n", id="no such page"),
        pytest.param("GET", "/../", 404, b"Not found\n", id="a way out"),
        pytest.param("HEAD", "/x", 404, b"", id="head of no such page"),
        pytest.param("POST", "/", 405, b"Only GET and HEAD\n", id="post"),
        pytest.param("DELETE", "/x", 405, b"Only GET and HEAD\n", id="delete"),
    ],
)
def test_answers(method: str, path: str, status: int, body: bytes) -> None:
    with serving() as port:
        found, headers, said = asked(port, method, path)
    assert (found, said) == (status, body)
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Connection"] == "close"
    assert headers["X-Hello"] == ("yes" if status == 200 else None)
    assert headers["Allow"] == ("GET, HEAD" if status == 405 else None)
    assert int(headers["Content-Length"]) == len(body) or method == "HEAD"


def test_a_socket_that_is_not_patched() -> None:
    """A master that has no event loop binds those."""
    with serving(get_original("socket", "socket")) as port, gevent.Timeout(0.9):
        assert [asked(port, "GET", "/")[0] for _ in range(2)] == [200, 200]


def test_a_broken_page_is_told_to_the_log_only(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as port:
        status, _, body = asked(port, "GET", "/broken")
        assert (status, body) == (500, b"Internal error, see the log\n")
        assert asked(port, "GET", "/")[0] == 200
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"nonsense\r\n\r\n", id="no HTTP"),
        pytest.param(b"GET / HTTP/9\r\n\r\n", id="a strange version"),
        pytest.param(b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", id="long"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000 + b"\r\n", id="many fields"),
        pytest.param(b"EHLO x\r\n", id="SMTP"),
    ],
)
def test_bad_requests(octets: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with serving() as port:
        with suppress(ConnectionError):  # cut off before all of it was sent
            assert said(port, octets)[:10] in (b"", b"HTTP/1.1 4")
        assert asked(port, "GET", "/")[0] == 200
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_a_connection_has_one_request() -> None:
    with serving() as port:
        assert said(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2).count(b"hello") == 1


@pytest.mark.parametrize(
    ("host", "is_answered"),
    [
        pytest.param("localhost", True, id="localhost"),
        pytest.param("LocalHost.:9587", True, id="localhost in full, with a port"),
        pytest.param("127.0.0.1:9587", True, id="an address"),
        pytest.param("[::1]:9587", True, id="an address of IPv6"),
        pytest.param("192.0.2.1", True, id="an address of some network"),
        pytest.param(None, True, id="none"),
        pytest.param("evil.example.net", False, id="a name"),
        pytest.param("evil.example.net:9587", False, id="a name with a port"),
        pytest.param("localhost.example.net", False, id="a name that begins so"),
        pytest.param("127.0.0.1.example.net", False, id="a name that begins with an address"),
        pytest.param("localhost:evil.example.net", False, id="a strange port"),
        pytest.param("localhost, evil.example.net", False, id="two"),
        pytest.param("", False, id="empty"),
    ],
)
def test_names_that_may_lead_elsewhere_are_not_answered(host: str | None, is_answered: bool) -> None:
    field = "" if host is None else f"Host: {host}\r\n"
    with serving() as port:
        answer = said(port, f"GET / HTTP/1.0\r\n{field}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200" if is_answered else b"HTTP/1.1 403")
    assert (b"hello" in answer) is is_answered
    assert is_answered or b"ask for localhost or an address" in answer


def test_whom_all_may_ask_has_any_name() -> None:
    with serving(address="0.0.0.0") as port:
        assert b"hello" in said(port, b"GET / HTTP/1.0\r\nHost: mail.example.org\r\n\r\n")


@pytest.mark.parametrize("octets", [b"", b"GET / HTTP/1.1\r\nHost"], ids=["nothing", "half a request"])
def test_who_is_slow_is_cut_off(
    octets: bytes, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(http, "CONNECTION_TIME", 0.1)
    with serving() as port:
        said(port, octets)
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n")
            with pytest.raises(ConnectionError):  # each octet is in time, all of them are not
                while True:
                    sock.sendall(b"x")
                    gevent.sleep(0.02)
    assert capfd.readouterr() == ("", "")


def test_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_CONNECTIONS", 2)
    with serving() as port, ExitStack() as others:
        for _ in range(2):
            others.enter_context(socket.create_connection(("127.0.0.1", port), 5))
        gevent.sleep(0.05)
        third = gevent.spawn(asked, port, "GET", "/")
        gevent.sleep(0.1)
        assert not third.ready()
        others.close()
        assert third.get(timeout=5)[0] == 200
