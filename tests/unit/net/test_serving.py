"""A whole server whose relay has a name: bad resolv.conf files, and what a reload renews."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from gsubmit.net.resolve import renew
from gsubmit.relay.relay import Relay
from gsubmit.settings.load import load_text
from tests.harness.clock import Clock
from tests.harness.serving import Serving, configuration, serving
from tests.harness.smtpserver import Server, served
from tests.unit.net.dnsserver import SILENT, Dns

LOGIN = "AUTH PLAIN AHVzZXIAc2VjcmV0"


def mail(running: Serving) -> str:
    """What a client hears to MAIL."""
    with socket.create_connection(("127.0.0.1", running.port), 10) as sock, sock.makefile("rwb") as file:
        for line in ("EHLO c.example", LOGIN, "MAIL FROM:<a@example.org>", "QUIT"):
            file.write(line.encode() + b"\r\n")
        file.flush()
        replies = [line.decode().rstrip() for line in file if line[3:4] == b" "]
    assert [reply[:3] for reply in (*replies[:3], replies[4])] == ["220", "250", "235", "221"]
    return replies[3]


def named(port: int) -> str:
    return f"submission_relay_host = mx.example\nsubmission_relay_port = {port}\n"


def made_empty(path: Path) -> None:
    path.write_bytes(b"")


def made_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def made_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def made_of(text: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(text)

    return write


BAD = [
    pytest.param(made_empty, id="empty"),
    pytest.param(made_of(b"nameserver localhost\n"), id="name server by name"),
    pytest.param(made_of(b"search bad..name\n"), id="bad search list"),
    pytest.param(made_of(bytes(range(256)) * 999), id="binary"),
    pytest.param(Path.unlink, id="missing"),
    pytest.param(made_a_folder, id="a folder"),
    pytest.param(made_a_pipe, id="a pipe"),
]


@pytest.mark.parametrize("spoil", BAD)
def test_bad_resolv_conf(server: Dns, resolv_conf: Path, spoil: Callable[[Path], None]) -> None:
    """resolv.conf(5): the local name server is asked; here it knows no mx.example."""
    spoil(resolv_conf)
    server.records = {("mx.example", kind): "NXDOMAIN" for kind in ("A", "AAAA")}
    with serving(named(25)) as running:
        assert mail(running).startswith("451 4.4.3 ")
        assert "mx.example: there is no such name" in running.log_text
        assert "Traceback" not in running.log_text


def test_no_name_server_answers(server: Dns, resolv_conf: Path) -> None:
    resolv_conf.write_text("")
    server.records = {("mx.example", kind): SILENT for kind in ("A", "AAAA")}
    with serving(named(25)) as running:
        assert mail(running).startswith("451 4.4.3 ")
        assert "Traceback" not in running.log_text


def test_this_machine_has_a_name_that_dns_cannot_know(server: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(named(25)) as running:
        renew()
        monkeypatch.setattr("socket.gethostname", lambda: "bad..name")
        assert mail(running).startswith("451 4.4.3 ")
        assert "Traceback" not in running.log_text


def test_a_reload_forgets_what_dns_said(server: Dns) -> None:
    server.records = {("mx.example", "A"): (3600, ["127.0.0.1"])}
    with served(Server()) as relay, serving(named(relay.port)) as running:
        assert mail(running).startswith("250 ")
        before = len(server.asked)
        settings = load_text(configuration(named(relay.port))[0]).settings
        running.server.reload(lambda: settings)
        assert isinstance(running.server.service.relay, Relay)
        running.server.service.relay.capabilities()  # waits for the background
        assert mail(running).startswith("250 ")
        assert server.asked[before:] == [("mx.example", "A"), ("mx.example", "AAAA")]


def test_a_relay_that_moved_is_found_by_the_same_mail(server: Dns, clock: Clock) -> None:
    server.records = {("mx.example", "A"): (3600, ["127.0.0.9"])}
    with served(Server()) as relay, serving(named(relay.port)) as running:
        assert mail(running).startswith("451 ")
        server.records = {("mx.example", "A"): (3600, ["127.0.0.1"])}
        clock.now += 3600 / 2
        assert mail(running).startswith("250 ")
