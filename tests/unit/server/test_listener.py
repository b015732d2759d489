"""Who is let in, who has to go, and how long a login may take."""

from __future__ import annotations

import socket
import ssl
import time

import pytest

from gsubmit.server import listener
from tests.harness.serving import Serving, certificate_folder, serving

LIMIT = "service submission-login {\n  process_limit = 2\n}\n"


def connect(running: Serving) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.port), 5)


def heard(sock: socket.socket) -> str:
    return sock.recv(1000).decode()


def test_one_too_many_is_told_so() -> None:
    with serving(LIMIT) as running:
        clients = [connect(running) for _ in range(3)]
        assert [heard(client)[:3] for client in clients] == ["220", "220", "421"]
        assert clients[2].recv(100) == b""
        assert "process_limit and client_limit are reached: 2 clients" in running.log_text
        for client in clients:
            client.close()


def test_who_idles_without_login_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.server.door.TIME_TO_BEGIN", 0.0)
    with serving(LIMIT) as running:
        first, second = connect(running), connect(running)
        assert heard(first)[:3] == heard(second)[:3] == "220"
        time.sleep(0.05)
        third = connect(running)
        assert heard(third)[:3] == "220"
        assert heard(first).startswith("421 4.3.2 ")
        for client in (first, second, third):
            client.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param("", b"AUTH LOGIN\r\n", id="asked for a name"),
        pytest.param("auth_failure_delay = 5s\n", b"AUTH PLAIN AGEAYg==\r\n", id="in the delay after a failure"),
        pytest.param("", b"STARTTLS\r\n", id="in the handshake"),
    ],
)
def test_who_is_busy_with_a_login_makes_room_too(monkeypatch: pytest.MonkeyPatch, settings: str, said: bytes) -> None:
    """Else a thousand connections that begin a login and never end it would keep everybody out."""
    monkeypatch.setattr("gsubmit.server.door.TIME_TO_BEGIN", 0.0)
    with serving(LIMIT + "disable_plaintext_auth = no\n" + settings) as running:
        busy = [connect(running) for _ in range(2)]
        for client in busy:
            assert heard(client)[:3] == "220"
            client.sendall(said)
        time.sleep(0.1)
        busy.append(connect(running))
        assert heard(busy[-1])[:3] == "220"
        while busy[0].recv(1000):  # until the server closes
            pass
        busy[0].close()
        time.sleep(0.1)
        assert len(running.server.door.sessions) == 2
        assert not running.server.door.evicted
        assert "Traceback" not in running.log_text
        for client in busy:
            client.close()


def test_idle_ones_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.server.door.TIME_TO_BEGIN", 0.0)
    with serving(LIMIT) as running:
        busy, idle = connect(running), connect(running)
        assert heard(busy)[:3] == heard(idle)[:3] == "220"
        busy.sendall(b"AUTH LOGIN\r\n")
        assert heard(busy)[:3] == "334"
        third = connect(running)
        assert heard(third)[:3] == "220"
        assert heard(idle).startswith("421 4.3.2 ")
        busy.sendall(b"dXNlcg==\r\n")
        assert heard(busy)[:3] == "334"
        busy.sendall(b"c2VjcmV0\r\n")
        assert heard(busy)[:3] == "235"
        for client in (busy, idle, third):
            client.close()


def test_the_time_for_the_login_is_one_for_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that says a little now and then does not prolong it."""
    monkeypatch.setattr("gsubmit.server.listener.LOGIN_TIME", 0.3)
    with serving() as running, connect(running) as client:
        assert heard(client)[:3] == "220"
        client.setblocking(False)
        deadline = time.monotonic() + 3
        said = b""
        while b"421" not in said and time.monotonic() < deadline:
            try:
                client.sendall(b"N")
                said += client.recv(1000)
            except BlockingIOError:
                pass
            time.sleep(0.03)
        assert said.startswith(b"421 4.4.2 ")


def test_who_is_logged_in_may_think_for_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """TMO-2: at least five, and then 421."""
    assert listener.INACTIVITY >= 300
    monkeypatch.setattr(listener, "INACTIVITY", 0.3)
    with serving() as running, connect(running) as client:
        client.sendall(b"EHLO x\r\nAUTH PLAIN AHVzZXIAc2VjcmV0\r\n")
        said = b""
        while octets := client.recv(1000):
            said += octets
        assert said.splitlines()[-2] == b"235 2.7.0 Logged in"
        assert said.splitlines()[-1].startswith(b"421 4.4.2 ")


def test_a_login_ends_that_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.server.listener.LOGIN_TIME", 0.3)
    with serving() as running, connect(running) as client:
        client.sendall(b"EHLO x\r\nAUTH PLAIN AHVzZXIAc2VjcmV0\r\n")
        time.sleep(0.6)
        client.sendall(b"NOOP\r\n")
        time.sleep(0.1)
        assert heard(client).endswith("235 2.7.0 Logged in\r\n250 2.0.0 OK\r\n")


def test_starttls_begins_that_time_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The login before it counts no more (RFC 3207 4.2)."""
    monkeypatch.setattr("gsubmit.server.listener.LOGIN_TIME", 0.3)
    context = ssl.create_default_context(cafile=str(certificate_folder() / "ca.pem"))
    with serving() as running, connect(running) as client:
        client.sendall(b"EHLO x\r\nAUTH PLAIN AHVzZXIAc2VjcmV0\r\nSTARTTLS\r\n")
        said = b""
        while b"220 2.0.0" not in said:
            said += client.recv(1000)
        with context.wrap_socket(client, server_hostname="localhost") as secured:
            assert secured.recv(1000).startswith(b"421 4.4.2 ")


def test_a_flood_of_commands_does_not_keep_others_waiting() -> None:
    """The flooding client always has more to say, so nothing else makes its session pause."""
    with serving() as running, connect(running) as flood, connect(running) as other:
        assert heard(other)[:3] == "220"
        flood.sendall(b"AUTH PLAIN AHVzZXIAc2VjcmV0\r\n" + b"NOOP\r\n" * 20000)
        other.sendall(b"NOOP\r\n")
        assert heard(other) == "250 2.0.0 OK\r\n"
        handled = running.server.door.sessions
        assert max(session.commands for session in handled) < 20000
