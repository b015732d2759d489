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


def wrapped(sock: socket.socket, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
    """The socket after the handshake as server, by default with the test run's certificate."""
    secured = (context or server_context()).wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
    try:
        secured.do_handshake()
    except BaseException:  # the end of the greenlet too
        secured.close()
        raise
    return secured
