"""The status page and `/healthz` of a master with its workers."""

from __future__ import annotations

import json
import os
import signal
import smtplib
from contextlib import suppress
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from gsubmit_cli.main import main

from tests.harness.commands import CliRunner
from tests.harness.peer_bdat import Client
from tests.harness.peer_gsubmit import Gsubmit, gsubmit
from tests.harness.peer_message import small_message
from tests.harness.peer_process import HOST, children, eventually
from tests.harness.peer_sink import sink
from tests.harness.ports import free_ports
from tests.peers.test_workers import all_serve, reload, workers
from tests.unit.watch.html import Read

MESSAGE = small_message("page", 1_000)


def settings(port: int, number: int = 2) -> str:
    listener = f"service metrics {{\n  inet_listener http {{\n    port = {port}\n  }}\n}}\n"
    return f"{listener}service submission-login {{\n  process_min_avail = {number}\n}}\n"


def got(port: int, path: str, host: str = "localhost") -> tuple[int, str]:
    """Status and text; 0 where nobody answers."""
    with suppress(ConnectionError):
        try:
            with urlopen(Request(f"http://{HOST}:{port}{path}", headers={"Host": host})) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()
    return 0, ""


def figures(server: Gsubmit) -> dict[str, float]:
    """What `gsubmit stats` says, by the names that the page has for it."""
    ran = CliRunner().invoke(main, ["stats", "--json", "-c", str(server.folder / "gsubmit.conf")])
    series = [one for one in map(json.loads, ran.output.splitlines()) if "value" in one]
    names = (",".join(f"{label}={value}" for label, value in one["labels"].items()) for one in series)
    return {f"{one['name']}{{{name}}}": one["value"] for one, name in zip(series, names, strict=True)}


def test_the_page_is_about_all_workers() -> None:
    (port,) = free_ports(1)
    with sink() as relay, gsubmit(relay.port, settings(port)) as server:
        all_serve(server)
        clients = [Client(server) for _ in range(8)]  # with this many none of the two has all
        for client in clients:
            assert client.submit(MESSAGE)[0] == 250
            assert client.docmd("MAIL", "FROM:<a@example.org>")[0] == 250
            assert client.docmd("RCPT", "TO:nobody")[0] == 501
        with pytest.raises(smtplib.SMTPAuthenticationError):
            Client(server, password="wrong")

        def shown() -> dict[str, float]:
            return Read(got(port, "/?all")[1].encode()).figures

        eventually("a second", lambda: shown().get("gsubmit_sessions{state=transaction}") == 8)
        page = Read(got(port, "/?all")[1].encode())
        found = figures(server)
        assert page.figures == {name: found[name] for name in page.figures}
        assert page.figures["gsubmit_messages_total{result=accepted}"] == 8
        pids = workers(server)
        assert all(str(pid) in page.text for pid in pids)
        assert page.text.count("Refused RCPT by gsubmit501") == 8
        assert page.text.count("transactionmessages: 2") == 8
        for client in clients:
            client.close()


def test_the_hour_lives_through_reloads_and_kills() -> None:
    (port,) = free_ports(1)
    with sink() as relay, gsubmit(relay.port, settings(port, 1)) as server:
        all_serve(server, 1)
        with Client(server) as client:
            assert client.submit(MESSAGE)[0] == 250
        relayed = "Messages relayed1the last minute"
        eventually("the message", lambda: relayed in Read(got(port, "/")[1].encode()).text)

        def is_there() -> bool:
            """Shown by the next watcher, as soon as it does, with what workers say."""
            page = Read(got(port, "/")[1].encode())
            return relayed in page.text and str(workers(server)[0]) in page.text

        def take(settings: str) -> None:
            """Have other workers, with these in the place of the first."""
            before = {*workers(server)}
            reload(server, lambda text: text.replace("hostname = msa.example.org", settings))
            eventually("another worker", lambda: (now := {*workers(server)}) and not now & before)

        for settings_line in ("hostname = msa.example.org", "hostname = other.example.org"):
            take(settings_line)
            eventually("the hour", is_there)
        eventually("the new name", lambda: "other.example.org" in got(port, "/")[1])
        (watcher,) = set(children(server.process.pid)) - set(workers(server))
        os.kill(watcher, signal.SIGKILL)
        eventually("the hour", is_there)


def test_health() -> None:
    """Of workers that hang, all of them, and go on."""
    port, relay_port = free_ports(2)
    with gsubmit(relay_port, settings(port)) as server:
        all_serve(server)
        assert got(port, "/healthz") == (200, "ok\n")
        assert got(port, "/healthz", "evil.example.net")[0] == 403
        for worker in workers(server):
            os.kill(worker, signal.SIGSTOP)
        eventually("a fault", lambda: got(port, "/healthz") == (503, "no worker accepts clients\n"), 30)
        for worker in workers(server):
            os.kill(worker, signal.SIGCONT)
        eventually("none", lambda: got(port, "/healthz") == (200, "ok\n"))
