"""Sockets that systemd has opened before the start, and hands over as descriptors from 3 on: sd_listen_fds(3)."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import NamedTuple

from gevent import monkey

FIRST_DESCRIPTOR = 3
_system_socket: type[socket.socket] = monkey.get_original("socket", "socket")  # as those of sockets.py
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


class Given(NamedTuple):
    """A socket that listens already, and what its unit calls it (`FileDescriptorName=`)."""

    sock: socket.socket
    name: str

    def __str__(self) -> str:
        place = self.sock.getsockname()
        where = f"{place[0]} port {place[1]}" if isinstance(place, tuple) else place
        return f"systemd's socket {self.name} on {where}"


def given_sockets() -> tuple[list[Given], list[str]]:
    """Those for this process, each time but the first none, and what there is to warn of.

    They are not handed on to other programs, and neither is the environment that tells of them.
    """
    process, count, names = (os.environ.pop(name, "") for name in _VARIABLES)
    if process != str(os.getpid()) or not count.isascii() or not count.isdecimal():
        return [], []
    called = names.split(":") if names else []
    given: list[Given] = []
    warnings: list[str] = []
    for number in range(int(count)):
        name = called[number] if number < len(called) else "unknown"
        try:
            given.append(Given(_taken_over(FIRST_DESCRIPTOR + number), name))
        except (OSError, ValueError) as error:
            warnings.append(f"systemd's socket {name} is of no use: {error}")
    return given, warnings


def _taken_over(descriptor: int) -> socket.socket:
    """The socket that it is. Raises OSError for what is none, and ValueError for one without clients to accept."""
    os.set_inheritable(descriptor, False)
    sock = _system_socket(fileno=descriptor)
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.setblocking(False)
        return sock
    sock.close()
    raise ValueError("it does not listen (systemd: ListenStream=, Accept=no)")


def unused(given: list[Given], taken: list[socket.socket]) -> Iterator[str]:
    """Close those that were not taken, with a warning for each."""
    for one in given:
        if one.sock not in taken:
            yield f"{one} is closed: no inet_listener has this address and port"
            one.sock.close()
