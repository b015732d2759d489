"""The pages of `service metrics`, over HTTP: one small request for each connection, by few at a time."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from socket import SHUT_RDWR, socket
from typing import Any, NamedTuple, TypeAlias

import gevent
from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer

from gsubmit.settings.hosts import is_address, is_loopback

MAX_CONNECTIONS = 20  # at the same time; more wait to be accepted
CONNECTION_TIME = 10.0  # seconds for all of a connection

Environ: TypeAlias = Mapping[str, Any]  # of a request, as in WSGI (PEP 3333)
_Start: TypeAlias = Callable[[str, list[tuple[str, str]]], object]
_TEXT = "text/plain; charset=utf-8"
_log = logging.getLogger("gsubmit")


class Page(NamedTuple):
    """What is answered."""

    body: bytes
    content_type: str = _TEXT
    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = ()


Handler: TypeAlias = Callable[[Environ], Page]
_NOT_FOUND = Page(b"Not found\n", status="404 Not Found")
_BAD_METHOD = Page(b"Only GET and HEAD\n", status="405 Method Not Allowed")
_NOT_OURS = Page(
    b"On this machine only: ask for localhost or an address, and for no other name, which somebody else may have made"
    b" to lead here.\nA proxy in front has to say Host: localhost.\n",
    status="403 Forbidden",
)
_HOST = re.compile(r"(\[[^][]*\]|[^:]*)(?::\d*)?")
_BROKEN = Page(b"Internal error, see the log\n", status="500 Internal Server Error")


class _Handler(WSGIHandler):
    """gevent's, which prints some faults of clients."""

    def _handle_client_error(self, _: Exception) -> tuple[str, bytes]:
        return "400", b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Http(WSGIServer):
    """Serves `pages`, by their paths, on a socket that listens, be it gevent's or Python's own.

    Where only this machine can connect, somebody else's page in a browser must not read them by a name that first leads
    there and then here (DNS rebinding): so no name but localhost is answered.
    """

    handler_class = _Handler

    def __init__(self, sock: socket, pages: Mapping[str, Handler]) -> None:
        self._pages = pages
        self._is_local = is_loopback(sock.getsockname()[0])
        sock.setblocking(False)  # a socket that is not gevent's is not so by itself
        # Without a name it would look for one, in DNS.
        environ = {"SERVER_NAME": "localhost"}
        super().__init__(sock, self._answer, spawn=Pool(MAX_CONNECTIONS), log=None, error_log=None, environ=environ)

    def handle(self, sock: socket, address: str) -> None:
        """One connection, cut off when its time is over: timeouts of a socket begin anew with each octet."""
        timer = gevent.get_hub().loop.timer(CONNECTION_TIME)
        timer.start(_cut, sock)
        try:
            with suppress(OSError):  # it has gone
                super().handle(sock, address)
        finally:
            timer.stop()
            timer.close()

    def _answer(self, environ: Environ, start: _Start) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        page = self._page(environ) if method in ("GET", "HEAD") else _BAD_METHOD
        headers = [
            ("Content-Type", page.content_type),
            ("Content-Length", str(len(page.body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Connection", "close"),
            *page.headers,
        ]
        if page is _BAD_METHOD:
            headers.append(("Allow", "GET, HEAD"))
        start(page.status, headers)
        return [page.body] if method != "HEAD" else []

    def _page(self, environ: Environ) -> Page:
        if self._is_local and not _is_local(environ.get("HTTP_HOST", "localhost")):
            return _NOT_OURS
        handler = self._pages.get(environ["PATH_INFO"])
        if handler is None:
            return _NOT_FOUND
        try:
            return handler(environ)
        except Exception:
            _log.exception("service metrics: %s", environ["PATH_INFO"])
            return _BROKEN


def _is_local(host: str) -> bool:
    """Whether a Host field names this machine, or an address, which nobody can make to lead elsewhere."""
    matched = _HOST.fullmatch(host)
    return matched is not None and (is_loopback(matched[1]) or is_address(matched[1].strip("[]")))


def _cut(sock: socket) -> None:
    """Runs in the hub."""
    with suppress(OSError):
        sock.shutdown(SHUT_RDWR)
