"""`service metrics` of a whole server: its numbers are those of the dialogs."""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection

import gevent
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gsubmit.app.build import CannotStart
from gsubmit.metrics.figures import MESSAGES, RECIPIENTS, SESSIONS
from gsubmit.watch import health
from gsubmit.watch.commands import commands_of
from gsubmit.watch.web import shown
from tests.harness.ports import free_port
from tests.harness.serving import Serving, serving
from tests.harness.smtpserver import Server, served
from tests.unit.watch.asking import until
from tests.unit.watch.html import Read

LOGIN = f"AUTH PLAIN {b64encode(bytes(1) + b'user' + bytes(1) + b'secret').decode()}"
DIALOG = [
    "EHLO c.example.org",
    LOGIN,
    "MAIL FROM:<a@example.org>",
    "RCPT TO:<b@example.net>",
    "DATA",
    "Subject: x\r\n\r\n.",
    "QUIT",
]


def metrics(port: int) -> str:
    return f"service metrics {{\n inet_listener http {{\n  port = {port}\n }}\n}}"


@contextmanager
def watched(running: Serving) -> Iterator[None]:
    server = running.server
    commands = commands_of(server.door, lambda: server.service)
    with shown([one.sock for one in server.metrics], lambda: server.service.settings, server.board, commands):
        yield


def say(server: Serving, dialog: Sequence[str]) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock, sock.makefile("rb") as replies:
        for line in ["", *dialog]:
            sock.sendall(f"{line}\r\n".encode() if line else b"")
            while replies.readline()[3:4] == b"-":
                pass


def got(port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def scraped(port: int) -> dict[tuple[str, str], float]:
    """Values by name and the values of their labels."""
    samples = [one for family in text_string_to_metric_families(got(port, "/metrics")[1]) for one in family.samples]
    return {(one.name.removeprefix("gsubmit_"), ",".join(one.labels.values())): one.value for one in samples}


def test_metrics_of_a_server() -> None:
    port, relay = free_port(), Server()
    with served(relay), serving(metrics(port), relay.port) as server, watched(server):
        assert scraped(port)["messages_total", "accepted"] == 0
        for _ in range(3):
            say(server, DIALOG)
        found = scraped(port)
    assert found["messages_total", "accepted"] == found["recipients_total", "accepted"] == 3
    assert found["logins_total", "PLAIN,ok"] == found["connections_total", "accepted"] == 3
    assert found["relay_latency_seconds_count", "message"] == 3
    assert found["workers", ""] == 1


def test_the_page_shows_what_metrics_shows() -> None:
    port, relay = free_port(), Server({"RCPT": lambda line: "550 5.1.1 no" if "<no@" in line else "250 2.1.5 ok"})
    with served(relay), serving(metrics(port), relay.port) as server, watched(server):
        say(server, DIALOG)
        say(server, [*DIALOG[:3], "RCPT TO:<no@example.net>", "QUIT"])
        with socket.create_connection(("127.0.0.1", server.port), 5):
            gevent.sleep(1.2)  # what sessions are doing is looked at once a second
            status, html = got(port, "/")
            found = scraped(port)
    read = Read(html.encode())
    assert (status, read.figures["gsubmit_messages_total{result=accepted}"]) == (200, 1)
    shown = {name: found[_key(name)] for name in read.figures}
    assert read.figures == shown
    assert {name.partition("{")[0] for name in shown} >= {figure.name for figure in (MESSAGES, RECIPIENTS, SESSIONS)}
    assert read.figures["gsubmit_sessions{state=before_login}"] == 1
    assert read.figures["gsubmit_recipients_total{result=relay_5xx}"] == 1
    assert "Refused RCPT by the relay550 5.1.1 no" in read.text


def _key(figure: str) -> tuple[str, str]:
    """A figure of the page as `scraped` has it."""
    name, _, labels = figure.removesuffix("}").partition("{")
    return name.removeprefix("gsubmit_"), ",".join(label.partition("=")[2] for label in labels.split(",") if label)


def test_health_of_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.3)
    monkeypatch.setattr(health, "PROBE_AFTER", 0.1)
    monkeypatch.setattr("gsubmit.relay.relay.LEARN_AGAIN", 0.05)
    port, relay_port, relay = free_port(), free_port(), Server()
    with serving(metrics(port), relay_port) as server, watched(server):
        assert got(port, "/healthz") == (200, "ok\n")
        until(lambda: got(port, "/healthz")[0] == 503)
        assert got(port, "/healthz")[1] == "the relay could not be reached for 0 seconds\n"
        relay.listen(socket.create_server(("127.0.0.1", relay_port)))
        until(lambda: got(port, "/healthz") == (200, "ok\n"))
    relay.stop()


def test_without_a_port_there_is_nothing() -> None:
    with serving("service metrics {\n}") as server:
        assert not server.server.metrics


def test_a_port_in_use_is_an_error_and_nothing_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(CannotStart, match=f"^cannot listen on 127.0.0.1 port {port}: Address already in use$"),
            serving(metrics(port)),
        ):
            pass
