"""What is said of sessions, in each of their states, and who is meant by a filter."""

from __future__ import annotations

import os
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime

import gevent
import pytest

from gsubmit.watch.answers import BadRequest
from gsubmit.watch.lines import Object
from gsubmit.watch.sessions import who
from tests.harness.clock import clock_of
from tests.harness.serving import Serving, certificate_folder, serving
from tests.harness.smtpserver import SILENT, Server, ehlo, served
from tests.unit.server.clients import ENVELOPE, LOGIN, client, stranger
from tests.unit.watch.asking import until

XCLIENT = "login_trusted_networks = 127.0.0.1\n"


def seen(running: Serving, *filters: str) -> list[Object]:
    return list(who(running.server.door, {"filters": [*filters]}))


def becomes(running: Serving, state: str) -> Object:
    until(lambda: [one["state"] for one in seen(running)] == [state])
    return seen(running)[0]


@pytest.mark.parametrize(
    ("said", "state"),
    [
        pytest.param([], "greeted", id="nothing said"),
        pytest.param(["EHLO x"], "greeted", id="EHLO"),
        pytest.param(["EHLO x", "AUTH PLAIN"], "login", id="within AUTH"),
        pytest.param(LOGIN, "idle", id="logged in"),
        pytest.param([*LOGIN, *ENVELOPE[:1]], "transaction", id="MAIL"),
        pytest.param([*LOGIN, *ENVELOPE], "transaction", id="RCPT"),
        pytest.param([*LOGIN, *ENVELOPE, "DATA"], "content", id="DATA"),
        pytest.param([*LOGIN, *ENVELOPE, "DATA", "x\r\n."], "idle", id="after a message"),
    ],
)
def test_states(said: list[str], state: str) -> None:
    plain = "disable_plaintext_auth = no\n"
    with served(Server()) as relay, serving(plain, relay.port) as running, stranger(running) as somebody:
        somebody.say(*said)
        has_relay = state in ("transaction", "content")
        assert becomes(running, state)["relay"] == (f"127.0.0.1:{relay.port}" if has_relay else None)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "content"])
def test_who_waits_for_the_relay(verb: str) -> None:
    server = Server({"EHLO": ehlo("PIPELINING"), verb: SILENT})
    with served(server) as relay, serving("", relay.port) as running, client(running) as somebody:
        somebody.begin("\r\n".join([*ENVELOPE, "DATA"]))
        if verb == "content":
            assert [somebody.hear() for _ in range(3)] == ["250", "250", "354"]
            somebody.begin("x\r\n.")
        assert becomes(running, "relay")["relay"] == f"127.0.0.1:{relay.port}"
        for greenlet in list(running.server.door.sessions.values()):
            greenlet.kill()


def test_the_newest() -> None:
    with serving() as running, client(running), client(running), client(running):
        everybody = seen(running)
        newest = list(who(running.server.door, {"newest": 2}))
        assert [one["id"] for one in newest] == [one["id"] for one in everybody[1:]]
        assert len(list(who(running.server.door, {"newest": 9}))) == 3
        with pytest.raises(BadRequest, match=r"^newest is no number$"):
            list(who(running.server.door, {"newest": "2"}))


def test_facts() -> None:
    with served(Server()) as relay, serving("", relay.port) as running, client(running) as somebody:
        session = next(iter(running.server.door.sessions))
        assert somebody.say(*ENVELOPE, "DATA", "x\r\n.") == "250"
        [one] = seen(running)
        assert one | {"since": "", "seconds": 0, "idle": 0, "port": 0} == {
            "id": session.id,
            "user": "user",
            "address": "127.0.0.1",
            "port": 0,
            "local_address": "127.0.0.1",
            "local_port": running.port,
            "since": "",
            "seconds": 0,
            "idle": 0,
            "state": "idle",
            "transactions": 1,
            "octets_in": session.wire.octets_in,
            "octets_out": session.wire.octets_out,
            "tls": None,
            "cipher": None,
            "relay": None,
            "backend": None,
            "pid": os.getpid(),
        }
        assert one["port"] == session.ends.remote_port
        assert one["octets_in"] > len("\r\n".join([*LOGIN, *ENVELOPE]))
        assert "secret" not in str(one)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["since"])
        age = datetime.now(UTC) - datetime.fromisoformat(one["since"])
        assert -1 < age.total_seconds() < 10


def test_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = clock_of(monkeypatch, "server.session")
    with serving() as running, stranger(running) as somebody:
        clock.now += 90.04
        [one] = seen(running)
        assert one["seconds"] == 90.0
        assert one["idle"] < 2
        gevent.sleep(0.35)
        assert 0.3 <= seen(running)[0]["idle"] < 2
        somebody.say("NOOP")
        assert seen(running)[0]["idle"] < 0.3


def test_a_system_that_does_not_tell_when_it_heard_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.server.wire.silence_of", lambda sock: None)
    clock = clock_of(monkeypatch, "server.session")
    with serving() as running, stranger(running):
        clock.now += 7
        assert seen(running)[0]["idle"] == 7.0


def test_tls() -> None:
    context = ssl.create_default_context(cafile=str(certificate_folder() / "ca.pem"))
    with serving() as running, socket.create_connection(("127.0.0.1", running.tls_port), 10) as sock:
        before = becomes(running, "connected")
        assert (before["tls"], before["cipher"], before["local_port"]) == (None, None, running.tls_port)
        with context.wrap_socket(sock, server_hostname="localhost") as secured:
            secured.recv(1000)
            cipher = secured.cipher()
            assert cipher is not None
            one = becomes(running, "greeted")
            assert (one["tls"], one["cipher"]) == (secured.version(), cipher[0])


def test_tls_of_a_front_end() -> None:
    with serving(XCLIENT) as running, stranger(running) as somebody:
        somebody.say("EHLO x", "XCLIENT ADDR=192.0.2.7 PORT=4711 SESSION=theirs")
        one = becomes(running, "greeted")
        assert (one["address"], one["port"], one["id"], one["tls"]) == ("192.0.2.7", 4711, "theirs", None)


def test_a_session_that_is_passed_on() -> None:
    with served(Server({"EHLO": ehlo("AUTH PLAIN"), "NOOP": "250 2.0.0 " + "x" * 400})) as backend:
        passdb = f"passdb {{\n driver = static\n args = nopassword=y proxy=y host=127.0.0.1 port={backend.port}\n}}\n"
        with serving(passdb) as running, stranger(running) as somebody:
            token = b64encode(b"\0al\0secret").decode()
            assert somebody.say("EHLO x", f"AUTH PLAIN {token}") == "235"
            before = becomes(running, "proxied")
            assert (before["user"], before["backend"], before["relay"]) == ("al", f"127.0.0.1:{backend.port}", None)
            assert somebody.say("NOOP") == "250"
            after = seen(running)[0]
            assert after["octets_in"] - before["octets_in"] == len("NOOP\r\n")
            assert after["octets_out"] - before["octets_out"] == len("250 2.0.0 \r\n") + 400
            assert after["idle"] < 2
        assert f"in={after['octets_in']} out={after['octets_out']}" in running.log_text


FILTERS: list[tuple[str, Callable[[Object], bool]]] = [
    ("user", lambda one: one["user"] == "user"),
    ("u*", lambda one: one["user"] is not None),
    ("*", lambda one: one["user"] is not None),
    ("use?", lambda one: one["user"] == "user"),
    ("us", lambda one: False),
    ("[u]ser", lambda one: False),
    ("*@example.org", lambda one: one["user"] == "user@example.org"),
    ("192.0.2.7", lambda one: one["address"] == "192.0.2.7"),
    ("192.0.2.0/24", lambda one: one["address"] == "192.0.2.7"),
    ("127.0.0.1", lambda one: one["address"] == "127.0.0.1"),
    ("0.0.0.0/0", lambda one: True),
    ("::/0", lambda one: False),
    ("theirs", lambda one: one["id"] == "theirs"),
]


@pytest.mark.parametrize(("text", "fits"), FILTERS, ids=[text for text, _ in FILTERS])
def test_filters(text: str, fits: Callable[[Object], bool]) -> None:
    token = b64encode(b"\0user@example.org\0secret").decode()
    with serving(XCLIENT) as running, client(running), stranger(running) as other, stranger(running) as third:
        assert other.say("EHLO x", f"AUTH PLAIN {token}") == "235"
        third.say("EHLO x", "XCLIENT ADDR=192.0.2.7 SESSION=theirs")
        everybody = seen(running)
        assert len(everybody) == 3
        assert seen(running, text) == [one for one in seen(running) if fits(one)]
        assert len(seen(running, text, "*")) == sum(fits(one) and one["user"] is not None for one in everybody)


@pytest.mark.parametrize("filters", ["user", [1], {"user": 1}])
def test_filters_are_texts(filters: object) -> None:
    with serving() as running, pytest.raises(BadRequest):
        list(who(running.server.door, {"filters": filters}))


def test_who_has_gone_meanwhile_is_passed_by() -> None:
    with serving() as running, client(running) as somebody, client(running):
        telling = who(running.server.door, {})
        next(telling)
        somebody.say("QUIT")
        until(lambda: len(running.server.door.sessions) == 1)
        assert len(list(telling)) <= 1
