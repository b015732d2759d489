"""TLS on the fake relay's side."""

from __future__ import annotations

import socket
import ssl
from functools import cache

from tests.harness.serving import certificate_folder


@cache
def server_context() -> ssl.SSLContext:
    """With the test run's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder = certificate_folder()
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def wrapped(sock: socket.socket) -> ssl.SSLSocket:
    """The socket after the handshake as server, with the test run's certificate."""
    return server_context().wrap_socket(sock, server_side=True)
