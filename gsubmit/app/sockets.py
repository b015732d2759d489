"""The sockets that the server listens on."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gevent import monkey

from gsubmit.app.activation import given_sockets, unused
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


def open_all(settings: Settings) -> tuple[list[Bound], list[str]]:
    """What the server starts with: sockets that systemd hands over, and for all else new ones; as `bind_all`."""
    given, warnings = given_sockets()
    try:
        bound, others = bind_all(settings, given=[one.sock for one in given])
    except CannotStart:
        for one in given:
            one.sock.close()
        raise
    return bound, [*warnings, *unused(given, [one.sock for one in bound]), *others]


def bind_all(
    settings: Settings, open_ones: Iterable[Bound] = (), given: Sequence[socket.socket] = ()
) -> tuple[list[Bound], list[str]]:
    """Every port of every listener, and what there is to warn of. Raises CannotStart, and keeps none then.

    `open_ones` are used again where they are bound to the same address and port, and those that were `given` where
    they listen there; of both, what is not used stays as it is.
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
                sock = there.get(place) or bind(*place, given)
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


def bind(address: str, port: int, given: Sequence[socket.socket] = ()) -> socket.socket:
    """A socket on `address` (`*` all of IPv4, `::` all of IPv6) that listens: a given one, or new. Raises OSError."""
    host = "0.0.0.0" if address == "*" else address.strip("[]")  # noqa: S104 - what the administrator asked for
    # A link-local address goes with its scope, which bind() itself would leave out.
    family, kind, _, _, place = _getaddrinfo(
        host, port, socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM
    )[0]
    for sock in given:
        if (sock.family, sock.type) == (family, kind) and sock.getsockname() == place:
            _check_v6_only(sock)
            return sock
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


def _check_v6_only(sock: socket.socket) -> None:
    """Clients of IPv4 would come with IPv6 addresses, which nobody can change any more. Raises OSError."""
    is_all = sock.family == socket.AF_INET6 and sock.getsockname()[0] == "::"
    if is_all and not sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        text = "the socket that is there takes IPv4 too (systemd: BindIPv6Only=ipv6-only)"
        raise OSError(errno.EADDRINUSE, text)
