"""The login proxy as a whole: a server before backends, over real sockets."""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import gevent
import pytest

from gsubmit.proxy.backends import Backends
from gsubmit.proxy.target import Place
from tests.harness.client import Client
from tests.harness.ports import free_port
from tests.harness.serving import Serving
from tests.harness.serving import serving as starting
from tests.harness.smtpserver import Answer, Server, ehlo

AUTH = ehlo("PIPELINING", "AUTH PLAIN LOGIN")
DOWN = "454 4.7.0 Account is temporarily unavailable."


def proxied(fields: str, password: str = "nopassword=y") -> str:
    return f"passdb {{\n driver = static\n args = {password} {fields}\n}}\n"


@contextmanager
def backend(host: str = "127.0.0.1", port: int = 0, **answers: Answer) -> Iterator[Server]:
    server = Server(answers={"EHLO": AUTH, "NOOP": "250 2.0.0 Here", **answers})
    server.listen(socket.create_server((host, port)))
    try:
        yield server
    finally:
        server.stop()


_clients: list[Client] = []


@contextmanager
def serving(settings: str) -> Iterator[Serving]:
    """A server, whose clients leave before it stops: it would wait for them."""
    with starting(settings) as served:
        try:
            yield served
        finally:
            while _clients:
                _clients.pop().close()


def text(client: Client) -> str:
    return b" ".join(client.reply()).decode()


def connected(served: Serving) -> Client:
    client = Client(served.port, "127.0.0.1")
    _clients.append(client)
    client.reply()
    client.send(b"EHLO client.example\r\n")
    client.reply()
    return client


def log_in(served: Serving, user: str = "ann", password: str = "secret") -> tuple[Client, str]:
    """A client, and what it hears to AUTH PLAIN."""
    client = connected(served)
    client.send(b"AUTH PLAIN " + b64encode(f"\0{user}\0{password}".encode()) + b"\r\n")
    return client, text(client)


# Who is served where


def test_a_server_does_not_proxy_to_itself() -> None:
    with serving(proxied("proxy=y host=127.0.0.1 port={own-port}")) as served:
        assert log_in(served)[1] == DOWN
        assert "Proxying loops to itself" in served.log_text


@pytest.mark.parametrize("password", ["password=secret", "nopassword=y"])
def test_a_user_of_this_server_is_served_here(password: str) -> None:
    """With `proxy_maybe`, but nobody is let in whose password nobody has looked at."""
    with serving(proxied("proxy_maybe=y host=127.0.0.1 port={own-port}", password)) as served:
        reply = log_in(served)[1]
        if password == "nopassword=y":
            assert reply == DOWN
            assert "nobody has looked at the password" in served.log_text
        else:
            assert reply == "235 2.7.0 Logged in"


def test_a_user_of_another_server_is_served_there() -> None:
    """The same, where the host is another server."""
    with backend() as there, serving(proxied(f"proxy_maybe=y host=127.0.0.1 port={there.port}")) as served:
        assert log_in(served)[1] == "235 2.7.0 Welcome"


def test_a_user_is_vouched_for_whose_password_was_right() -> None:
    """`proxy_noauth`: the backend takes LOGIN by XCLIENT, or the login fails."""
    lists = ehlo("XCLIENT ADDR LOGIN")
    fields = "proxy=y proxy_noauth=y host=127.0.0.1"
    with backend(EHLO=lists) as there, serving(proxied(f"{fields} port={there.port}", "password=secret")) as served:
        assert log_in(served)[1] == "235 2.7.0 Logged in"
        assert "XCLIENT LOGIN=ann ADDR=127.0.0.1" in there.talks[0].lines
        assert "AUTH" not in there.talks[0].verbs()
        assert log_in(served, password="wrong")[1].startswith("535 ")
    with (
        backend(EHLO=ehlo("XCLIENT ADDR")) as there,
        serving(proxied(f"{fields} port={there.port}", "password=secret") + "login_proxy_max_reconnects = 0") as served,
    ):
        assert log_in(served)[1] == DOWN
        assert "takes no LOGIN by XCLIENT" in served.log_text


# What can be passed on


@pytest.mark.parametrize("name", ["OAUTHBEARER", "XOAUTH2"])
def test_a_token_is_passed_on(name: str) -> None:
    """By the mechanism that the backend has, whichever the client's was."""
    settings = "auth_mechanisms = plain oauthbearer xoauth2\n"
    with (
        backend(EHLO=ehlo(f"AUTH PLAIN {name}")) as there,
        serving(settings + proxied(f"proxy=y host=127.0.0.1 port={there.port}")) as served,
    ):
        client = connected(served)
        response = b64encode(b"n,a=ann,\x01auth=Bearer t.t\x01\x01").decode()
        client.send(f"AUTH OAUTHBEARER {response}\r\n".encode())
        assert text(client) == "235 2.7.0 Welcome"
        sent = response if name == "OAUTHBEARER" else b64encode(b"user=ann\x01auth=Bearer t.t\x01\x01").decode()
        assert f"AUTH {name} {sent}" in there.talks[0].lines


def test_a_password_is_passed_on_octet_for_octet() -> None:
    with backend() as there, serving(proxied(f"proxy=y host=127.0.0.1 port={there.port}")) as served:
        client = connected(served)
        response = b64encode(b"\0ann\0p\xe4ss\xff")
        client.send(b"AUTH PLAIN " + response + b"\r\n")
        assert text(client) == "235 2.7.0 Welcome"
        assert f"AUTH PLAIN {response.decode()}" in there.talks[0].lines


# Several backends, and those that fail


def test_each_user_has_one_of_several_backends_and_another_while_that_is_down() -> None:
    hosts = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
    port = free_port()
    place = Place(hosts, port)
    users = [f"user{number}" for number in range(12)]
    order = {user: [found.address for found in Backends().addresses(place, user, 1.0)] for user in users}
    with ExitStack() as stack:
        there = {host: stack.enter_context(backend(host, port, AUTH=f"235 2.7.0 {host}")) for host in hosts}
        served = stack.enter_context(serving(proxied(f"proxy=y host={','.join(hosts)} port={port}")))
        for user in users:
            assert log_in(served, user)[1] == f"235 2.7.0 {order[user][0]}"
        there["127.0.0.3"].stop()
        for user in users:
            first = next(host for host in order[user] if host != "127.0.0.3")
            assert log_in(served, user)[1] == f"235 2.7.0 {first}"


def test_users_of_a_backend_that_is_down_are_told_so_and_come_back_with_it() -> None:
    port = free_port()
    settings = proxied(f"proxy=y host=127.0.0.1 port={port}") + "login_proxy_max_reconnects = 0\n"
    with serving(settings) as served:
        assert log_in(served)[1] == DOWN
        assert log_in(served)[1] == DOWN
        assert "left alone" in served.log_text
        with backend(port=port), gevent.Timeout(10):
            while log_in(served)[1] == DOWN:
                gevent.sleep(0.1)


def test_a_backend_that_comes_back_meanwhile_is_not_missed() -> None:
    """dovecot's login_proxy_max_reconnects: once a second."""
    port = free_port()
    with serving(proxied(f"proxy=y host=127.0.0.1 port={port}")) as served:
        waiting = gevent.spawn(log_in, served)
        gevent.sleep(0.5)
        with backend(port=port):
            assert waiting.get(timeout=8)[1] == "235 2.7.0 Welcome"


def test_a_wrong_password_is_counted() -> None:
    """As one that we compare ourselves, so that the proxy is no way to guess faster."""
    with (
        backend(AUTH="535 5.7.8 No") as there,
        serving(proxied(f"proxy=y host=127.0.0.1 port={there.port}") + "auth_penalty = yes\n") as served,
    ):
        assert log_in(served)[1] == "535 5.7.8 No"
        assert served.server.service.logins.state.level("127.0.0.1", "ann") > 0


# The end


def test_a_stop_is_told_where_a_reply_is_awaited_by_nobody() -> None:
    with backend() as there, serving(proxied(f"proxy=y host=127.0.0.1 port={there.port}")) as served:
        idle, _ = log_in(served)
        gevent.spawn(served.server.stop, 2)
        assert text(idle).startswith("421 4.3.2 msa.example.org ")
        idle.expect_close()
        assert there.talks[0].verbs().endswith("QUIT")


def test_a_stop_says_nothing_within_a_message() -> None:
    with backend() as there, serving(proxied(f"proxy=y host=127.0.0.1 port={there.port}")) as served:
        busy, _ = log_in(served)
        busy.send(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
        assert [text(busy)[:3] for _ in range(3)] == ["250", "250", "354"]
        busy.send(b"Subject: half a mess")
        gevent.spawn(served.server.stop, 1)
        busy.expect_close()
        assert not there.mails


def test_a_message_that_is_under_way_is_finished_while_the_server_stops() -> None:
    with backend() as there, serving(proxied(f"proxy=y host=127.0.0.1 port={there.port}")) as served:
        busy, _ = log_in(served)
        busy.send(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
        for _ in range(3):
            text(busy)
        stopping = gevent.spawn(served.server.stop, 30)
        gevent.sleep(0.2)
        busy.send(b"Subject: whole\r\n\r\n.\r\n")
        assert text(busy) == "250 2.0.0 Queued"
        assert text(busy).startswith("421 4.3.2 ")  # at once, and not within its next message
        stopping.get(timeout=3)
        assert there.mails


def test_a_session_that_is_passed_on_is_none_of_ours() -> None:
    """Neither counted as a connection of the user nor a reason to leave the relay, and gone when it ends."""
    settings = "mail_max_userip_connections = 1\n"
    with backend() as there, serving(proxied(f"proxy=y host=127.0.0.1 port={there.port}") + settings) as served:
        clients = [log_in(served) for _ in range(3)]
        assert [reply for _, reply in clients] == ["235 2.7.0 Welcome"] * 3
        for client, _ in clients:
            client.send(b"QUIT\r\n")
            assert text(client).startswith("221 ")
            client.close()
        with gevent.Timeout(5):
            while served.server.door.sessions:
                gevent.sleep(0.01)
        assert served.log_text.count("Disconnected by ") == 3


def test_octets_are_counted_once() -> None:
    with backend() as there, serving(proxied(f"proxy=y host=127.0.0.1 port={there.port}")) as served:
        client = connected(served)
        sent = b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\nNOOP\r\n"  # the second for the backend, a little early
        client.send(sent)
        assert [text(client), text(client)] == ["235 2.7.0 Welcome", "250 2.0.0 Here"]
        client.close()
        with gevent.Timeout(5):
            while served.server.door.sessions:
                gevent.sleep(0.01)
        assert f"in={len(sent) + len('EHLO client.example..')} " in served.log_text
