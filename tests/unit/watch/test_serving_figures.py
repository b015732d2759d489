"""`service metrics` of a whole server: its numbers are those of the dialogs."""

from __future__ import annotations

import socket
from base64 import b64encode
from http.client import HTTPConnection

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gsubmit.app.build import CannotStart
from gsubmit.watch.web import shown
from tests.harness.ports import free_port
from tests.harness.serving import serving
from tests.harness.smtpserver import Server, served

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


def scraped(port: int) -> dict[tuple[str, str], float]:
    """Values by name and the values of their labels."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    return {(one.name.removeprefix("gsubmit_"), ",".join(one.labels.values())): one.value for one in samples}


def test_metrics_of_a_server() -> None:
    port, relay = free_port(), Server()
    with (
        served(relay),
        serving(metrics(port), relay.port) as server,
        shown([one.sock for one in server.server.metrics], server.server.board),
    ):
        assert scraped(port)["messages_total", "accepted"] == 0
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", server.port), 5) as sock, sock.makefile("rb") as replies:
                for line in ["", *DIALOG]:
                    sock.sendall(f"{line}\r\n".encode() if line else b"")
                    while replies.readline()[3:4] == b"-":
                        pass
        found = scraped(port)
    assert found["messages_total", "accepted"] == found["recipients_total", "accepted"] == 3
    assert found["logins_total", "PLAIN,ok"] == found["connections_total", "accepted"] == 3
    assert found["relay_latency_seconds_count", "message"] == 3
    assert found["workers", ""] == 1


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
