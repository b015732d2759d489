"""How long the other end of a connection has said nothing, as the system counts it."""

from __future__ import annotations

import struct
from socket import IPPROTO_TCP, TCP_INFO, socket

_LAST_DATA_RECV = struct.Struct("=52xI")  # in struct tcp_info of linux/tcp.h: milliseconds


def silence_of(sock: socket) -> float | None:
    """Seconds since octets last came; None where the system does not tell, or the connection is over."""
    try:
        (milliseconds,) = _LAST_DATA_RECV.unpack(sock.getsockopt(IPPROTO_TCP, TCP_INFO, _LAST_DATA_RECV.size))
    except (OSError, struct.error):
        return None
    return float(milliseconds / 1000)
