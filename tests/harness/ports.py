"""Ports for servers of tests. Each process has a block of its own, so that tests in other processes use none of it."""

from __future__ import annotations

import socket
from itertools import cycle

# Below the ports that the kernel gives to clients: one of those may be taken between the look and the use.
BLOCKS = range(10_240, 32_768, 256)


def _block() -> tuple[socket.socket, range]:
    """Who listens on the first port of a block has the others, for as long as this process lives."""
    for first in BLOCKS:
        try:
            return socket.create_server(("127.0.0.1", first)), range(first + 1, first + BLOCKS.step)
        except OSError:
            continue
    raise OSError("there are no free ports")


_held, _ports = _block()
_turns = cycle(_ports)  # a port that was found free rests until all others have been used


def free_port(host: str = "127.0.0.1") -> int:
    """A port where nobody listens."""
    for _ in _ports:
        port = next(_turns)
        try:
            with socket.create_server((host, port)):
                return port
        except OSError:
            continue
    raise OSError("there is no free port")


def free_ports(count: int) -> list[int]:
    """Different ports on which nobody listens."""
    return [free_port() for _ in range(count)]
