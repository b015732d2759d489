"""TLS handshakes that are slow, against a whole server."""

from __future__ import annotations

import gc
import socket

import gevent
import pytest

from tests.harness.clienthello import client_hello
from tests.harness.serving import serving

PAUSE = 0.02  # seconds between octets; the whole client hello takes many times the time for the login
LOGIN_TIME = 0.3


def dribble(sock: socket.socket, octets: bytes) -> bytes | None:
    """Send them one by one; what was heard up to the end, or None when the end has not come before all were sent."""
    sock.settimeout(PAUSE)
    heard = b""
    for octet in octets:
        try:
            sock.sendall(bytes((octet,)))
            more = sock.recv(1000)
        except TimeoutError:
            continue
        except OSError:
            return heard
        if not more:
            return heard
        heard += more
    return None


@pytest.mark.parametrize("implicit_tls", [True, False], ids=["implicit", "STARTTLS"])
def test_the_time_for_the_login_ends_a_handshake_that_comes_octet_by_octet(
    monkeypatch: pytest.MonkeyPatch, implicit_tls: bool
) -> None:
    """A timeout of the socket would begin anew with each octet."""
    monkeypatch.setattr("gsubmit.server.listener.LOGIN_TIME", LOGIN_TIME)
    with serving() as running:
        port = running.tls_port if implicit_tls else running.port
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            if not implicit_tls:
                sock.sendall(b"EHLO client.example\r\nSTARTTLS\r\n")
                with sock.makefile("rb", buffering=0) as replies:
                    while not replies.readline().startswith(b"220 2.0.0"):
                        pass
            assert dribble(sock, client_hello()) == b""  # no clear text into a handshake
        with gevent.Timeout(5):
            while running.server.door.sessions:
                gevent.sleep(0.01)
        gc.collect()  # an unclosed socket would be told
        assert "Disconnected for inactivity" in running.log_text
        assert "Traceback" not in running.log_text
