"""Whether an address is one of this machine's."""

from __future__ import annotations

from socket import AF_INET, AF_INET6, SOCK_DGRAM, socket


def is_local(address: str) -> bool:
    """Whether a socket can be bound to it, which is so for the addresses of this machine only."""
    try:
        with socket(AF_INET6 if ":" in address else AF_INET, SOCK_DGRAM) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True
