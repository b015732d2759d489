"""What clients of the login proxy cannot do to others, and what backends cannot make clients believe."""

from __future__ import annotations

from base64 import b64encode

import gevent
import pytest

from gsubmit.server import logins
from gsubmit.server.logins import AT_A_TIME_ELSEWHERE, MAX_WAITING
from tests.harness.smtpserver import CLOSE, SILENT, ehlo, in_turn, later
from tests.unit.proxy.test_serving import DOWN, backend, connected, log_in, proxied, serving, text


def test_a_password_that_cannot_be_passed_on_is_wrong() -> None:
    """NUL divides the fields of PLAIN; no backend has to be asked, four times, to find that out."""
    settings = "auth_mechanisms = login\n"
    with backend() as there, serving(settings + proxied(f"proxy=y host=127.0.0.1 port={there.port}")) as served:
        client = connected(served)
        for line in (b"AUTH LOGIN", b64encode(b"ann"), b64encode(b"sec\0ret")):
            client.send(line + b"\r\n")
            reply = text(client)
        assert reply.startswith("535 ")
        assert not there.talks


@pytest.mark.parametrize("said", ["250 2.0.0 Ok", "354 Go on", "220 Hello", "221 Bye"])
def test_what_is_no_answer_to_a_login_is_not_passed_on(said: str) -> None:
    settings = "login_proxy_max_reconnects = 0\n"
    with (
        backend(AUTH=said) as there,
        serving(proxied(f"proxy=y host=127.0.0.1 port={there.port}") + settings) as served,
    ):
        assert log_in(served)[1] == DOWN
        assert f"refused our login with PLAIN: {said}" in served.log_text


@pytest.mark.parametrize("said", ["550 5.7.1 Blocked", "421 4.7.0 Too many connections from you", CLOSE, SILENT])
def test_what_a_backend_says_to_one_client_is_no_reason_to_leave_it_alone(said: str) -> None:
    """Or anybody whom it blocks, or who has too many connections, would keep all others out."""
    settings = "login_proxy_max_reconnects = 0\nlogin_proxy_timeout = 300ms\n"
    answers = in_turn(said, "220 relay.example.net ESMTP")
    with (
        backend(EHLO=ehlo("AUTH PLAIN", "XCLIENT ADDR"), XCLIENT=answers) as there,
        serving(proxied(f"proxy=y host=127.0.0.1 port={there.port}") + settings) as served,
    ):
        assert log_in(served)[1] == DOWN
        assert log_in(served)[1] == "235 2.7.0 Welcome"


def test_passwords_that_come_at_a_time_are_no_way_around_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are looked at by the passdbs, which say yes, before the backend has refused the first."""
    monkeypatch.setattr(logins, "WAITS", (0.0, 60.0, 60.0, 60.0, 60.0))
    answer = later(0.3, "535 5.7.8 No")
    with (
        backend(AUTH=answer) as there,
        serving(proxied(f"proxy=y host=127.0.0.1 port={there.port}") + "auth_penalty = yes\n") as served,
    ):
        clients = [connected(served) for _ in range(3 * AT_A_TIME_ELSEWHERE)]
        for number, client in enumerate(clients):
            client.send(b"AUTH PLAIN " + b64encode(f"\0ann\0guess {number}".encode()) + b"\r\n")
        hearing = [gevent.spawn(text, client) for client in clients]
        with gevent.Timeout(8):
            while sum(each.ready() for each in hearing) < len(clients) - MAX_WAITING:
                gevent.sleep(0.01)
        replies = [each.value for each in hearing if each.ready()]
        gevent.killall(hearing)
        assert replies.count("535 5.7.8 No") == AT_A_TIME_ELSEWHERE
        assert sum(line.startswith("AUTH") for talk in there.talks for line in talk.lines) == AT_A_TIME_ELSEWHERE


def test_neither_a_name_nor_a_backend_writes_the_log() -> None:
    """A name that looks like fields, and a reply of 128 lines."""
    settings = "auth_username_chars =\nlogin_proxy_max_reconnects = 0\n"
    said = "\r\n".join([*(f"454-{'x' * 3000}" for _ in range(100)), "454 End"])
    with (
        backend(AUTH=said) as there,
        serving(proxied(f"proxy=y host=127.0.0.1 port={there.port}") + settings) as served,
    ):
        assert log_in(served, "eve>, rip=192.0.2.1")[1].startswith("454")
        assert "Error: proxy: user eve???rip?192.0.2.1: " in served.log_text
        assert len(served.log_text) < 2000
