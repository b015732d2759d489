"""A TCP connection to a name, within a time for all of it."""

from __future__ import annotations

import socket
from typing import Any

from gsubmit.net.addresses import Addresses


def connect(host: str, port: int, seconds: float) -> socket.socket:
    """A connection to the first of the name's addresses that takes one; lookup and all tries within `seconds`.

    No thread is taken for the lookup, as it is with `socket.create_connection`: names that strangers choose could keep
    all of them. Raises OSError; LookupFailed is one.
    """
    failure = OSError("no address")
    for address, share in Addresses(host).to_try(seconds):
        try:
            return connected(_place(address, port), share)
        except OSError as error:
            failure = error
    raise failure


def connected(place: tuple[Any, ...], timeout: float) -> socket.socket:
    """A connection to one place, as sockets name it, within `timeout` seconds. Raises OSError."""
    sock = socket.socket(socket.AF_INET6 if ":" in place[0] else socket.AF_INET)
    try:
        sock.settimeout(timeout)
        sock.connect(place)
    except BaseException:
        sock.close()
        raise
    return sock


def _place(address: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """What `connect` takes. A scope is looked up here, for Python would take the whole for a name."""
    bare, percent, scope = address.partition("%")
    if not percent:
        return address, port
    return bare, port, 0, int(scope) if scope.isdecimal() else socket.if_nametoindex(scope)
