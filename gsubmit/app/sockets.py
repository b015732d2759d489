"""The sockets that the server listens on."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from typing import NamedTuple

from gevent import monkey

from gsubmit.app.build import CannotStart
from gsubmit.settings.sections import Settings

BACKLOG = 1024

# The system's: these sockets are made before there is an event loop, and handed on to processes that have one each.
_system_socket: type[socket.socket] = monkey.get_original("socket", "socket")
_getaddrinfo = monkey.get_original("socket", "getaddrinfo")


class Bound(NamedTuple):
    """A socket of the system's that listens; `name` is for the log, all else as in Listener."""

    name: str
    place: tuple[str, int]  # address and port
    sock: socket.socket
    implicit_tls: bool
    haproxy: bool


def bind_all(settings: Settings, open_ones: Iterable[Bound] = ()) -> tuple[list[Bound], list[str]]:
    """Every port of every listener, and what there is to warn of. Raises CannotStart, and keeps none then.

    `open_ones` are used again where they are bound to the same address and port.
    """
    there = {other.place: other.sock for other in open_ones}
    bound: list[Bound] = []
    warnings = []
    for listener in settings.services.inet_listeners:
        if not listener.port:
            continue
        for address in listener.addresses(settings.server.listen):
            place = (address, listener.port)
            try:
                sock = there.get(place) or bind(*place)
            except OSError as error:
                if address == "::" and not socket.has_dualstack_ipv6():
                    continue  # a machine without IPv6
                if listener.is_extra and error.errno == errno.EADDRINUSE:
                    warnings.append(
                        f"not on {address} port {listener.port}, which no inet_listener names: it is in use"
                    )
                    continue
                close_all(other for other in bound if other.place not in there)
                raise _cannot(*place, error) from error
            bound.append(Bound(f"{listener.name} {address}", place, sock, listener.ssl, listener.haproxy))
    return bound, warnings


def bind_metrics(settings: Settings, open_ones: Iterable[Bound] = ()) -> list[Bound]:
    """The same for `service metrics`."""
    there = {other.place: other.sock for other in open_ones}
    bound: list[Bound] = []
    for listener in settings.services.metrics:
        for address in listener.address:
            place = (address, listener.port)
            try:
                sock = there.get(place) or bind(*place)
            except OSError as error:
                close_all(other for other in bound if other.place not in there)
                raise _cannot(*place, error) from error
            bound.append(Bound(f"{listener.name} {address}", place, sock, implicit_tls=False, haproxy=False))
    return bound


def close_all(sockets: Iterable[Bound]) -> None:
    """Listen there no more."""
    for bound in sockets:
        bound.sock.close()


def _cannot(address: str, port: int, error: OSError) -> CannotStart:
    why = f"cannot listen on {address} port {port}: {error.strerror}"
    if error.errno == errno.EACCES:
        why += "; start as root with default_internal_user, or give CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities)"
    return CannotStart(why)


def bind(address: str, port: int) -> socket.socket:
    """A listening socket on `address` (`*` and `::` are all of IPv4 and of IPv6). Raises OSError."""
    host = "0.0.0.0" if address == "*" else address.strip("[]")  # noqa: S104 - what the administrator asked for
    # A link-local address goes with its scope, which bind() itself would leave out.
    family, kind, _, _, place = _getaddrinfo(
        host, port, socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM
    )[0]
    sock = _system_socket(family, kind)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(place)
        sock.listen(BACKLOG)
        sock.setblocking(False)  # several processes accept, and somebody else may have been faster
    except OSError:
        sock.close()
        raise
    return sock
