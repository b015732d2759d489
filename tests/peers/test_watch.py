"""Watching a server from the command line: who is there, who goes, who has to wait."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from base64 import b64encode
from urllib.request import urlopen

import gevent
import pytest
from gsubmit_cli.main import main

from gsubmit.watch.lines import Object
from tests.harness.commands import CliRunner
from tests.harness.peer_bdat import Client
from tests.harness.peer_clients import Ran, run
from tests.harness.peer_gsubmit import Gsubmit, gsubmit, gsubmit_program
from tests.harness.peer_message import small_message
from tests.harness.peer_process import HOST, children, end, eventually, need_root, program, public_folder, running
from tests.harness.peer_sink import sink
from tests.harness.ports import free_ports

MESSAGE = small_message("watch", 1000)
NOBODY = 65534
ALONE = ["--foreground"]
TWO = "service submission-login {\n  process_min_avail = 2\n}\n"
both = pytest.mark.parametrize("options", [pytest.param(ALONE, id="alone"), pytest.param([], id="workers")])


def asked(server: Gsubmit, *arguments: str) -> Ran:
    eventually("the start", lambda: "serving on " in server.log_so_far)  # its ports are open before
    result = CliRunner().invoke(main, [arguments[0], "-c", str(server.folder / "gsubmit.conf"), *arguments[1:]])
    return Ran(result.exit_code, result.output)


def guess(server: Gsubmit, password: bytes) -> None:
    with socket.create_connection((HOST, server.port)) as sock, sock.makefile("rwb") as file:
        file.write(b"EHLO x\r\nAUTH PLAIN " + b64encode(b"\0user\0" + password) + b"\r\n")
        file.flush()
        while not file.readline().startswith(b"535"):
            pass


@both
def test_sessions_are_seen_and_ended(options: list[str]) -> None:
    with (
        sink() as relay, gsubmit(relay.port, TWO, options=options) as server,
        Client(server, tls=True) as busy, Client(server) as idle,
    ):  # fmt: skip
        assert busy.submit(MESSAGE)[0] == 250
        seen = all_seen(server, 2)
        assert {(one["user"], one["state"]) for one in seen} == {("user@example.org", "idle")}
        [secured] = [one for one in seen if one["tls"]]
        assert (secured["tls"], secured["transactions"]) == ("TLSv1.3", 1)
        assert secured["pid"] in (children(server.process.pid) or [server.process.pid])
        assert secured["octets_in"] > len(MESSAGE)
        assert "secret" not in str(seen)
        lines = asked(server, "who", "user@*").output.splitlines()
        assert lines[-1] == "2 sessions of 1 user"
        assert max(map(len, lines)) <= 100

        ran = asked(server, "kick", secured["id"])
        assert (ran.code, ran.output.splitlines()[-1]) == (0, "1 session of 1 user kicked")
        assert busy.getreply() == (421, b"4.3.2 msa.example.org Ended by the administrator")
        assert idle.noop()[0] == 250
        assert asked(server, "kick", "192.0.2.0/24").code == 1
        assert asked(server, "kick", "127.0.0.0/8").code == 0
        assert idle.getreply()[0] == 421
        eventually("nobody", lambda: asked(server, "who").output == "0 sessions of 0 users\n")
        eventually("their lines", lambda: server.log_so_far.count("Disconnected: Ended by the administrator") == 2)


def all_seen(server: Gsubmit, number: int) -> list[Object]:
    """The sessions, once there are so many: after a start it takes workers a moment until they can be asked."""

    def seen() -> list[Object]:
        return [json.loads(line) for line in asked(server, "who", "--json").output.splitlines()]

    eventually(f"{number} sessions", lambda: len(seen()) == number)
    return seen()


@both
def test_penalties_are_seen_and_cleared(options: list[str]) -> None:
    with gsubmit(free_ports(1)[0], f"auth_penalty = yes\n{TWO}", options=options) as server:
        with Client(server):
            all_seen(server, 1)
        gevent.joinall([gevent.spawn(guess, server, password) for password in (b"one", b"two")], raise_error=True)
        ran = asked(server, "penalty")
        assert ran.output.splitlines()[1].split()[::3] == ["127.0.0.1", "user"]
        assert ran.output.splitlines()[-1] == "1 network"
        assert asked(server, "penalty", "clear", "192.0.2.1").code == 1
        assert asked(server, "penalty", "clear", "nowhere").output == "nowhere is no address\n"
        assert asked(server, "penalty", "clear", "127.0.0.1").output.splitlines()[-1] == "1 network cleared"
        assert asked(server, "penalty").output == "0 networks\n"


def test_figures_are_those_of_what_was_done() -> None:
    port = free_ports(1)[0]
    settings = f"service metrics {{\n  inet_listener http {{\n    port = {port}\n  }}\n}}\n"
    with (
        sink() as relay, gsubmit(relay.port, settings, options=ALONE) as server, Client(server, tls=True) as client,
    ):  # fmt: skip
        assert client.submit(MESSAGE)[0] == 250
        shown = [line.split() for line in asked(server, "stats").output.splitlines()]
        assert ["messages_total", "accepted", "1"] in shown
        assert ["tls_handshakes_total", "TLSv1.3", "1"] in shown
        assert shown[-1][2:4] == ["1", "worker,"]
        with urlopen(f"http://{HOST}:{port}/metrics") as answer:
            text = answer.read().decode()
        series = [json.loads(line) for line in asked(server, "stats", "--json").output.splitlines()]
        [latency] = [one for one in series[1:] if one["labels"] == {"step": "message"}]
        assert latency["count"] == 1
        assert f'gsubmit_relay_latency_seconds_sum{{step="message"}} {latency["sum"]}\n' in text


@both
def test_the_socket_lives_and_dies_with_its_server(options: list[str]) -> None:
    with gsubmit(free_ports(1)[0], TWO, options=options) as server:
        path = server.folder / "control"
        assert asked(server, "who").code == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        assert path.exists()
        eventually("the end of the workers", lambda: "no server runs" in asked(server, "who").output)
        assert asked(server, "who").code == 69
        command = [gsubmit_program(), "serve", *options, "-c", str(server.folder / "gsubmit.conf")]
        with running(command, server.folder / "log", [server.port]) as second:
            eventually("the second start", lambda: server.log_so_far.count("serving on ") == 2)
            assert asked(server, "who").code == 0
            end(second)
            assert not path.exists()


@both
def test_a_server_with_the_same_base_dir_serves_unwatched(options: list[str]) -> None:
    with gsubmit(free_ports(1)[0], TWO, options=options) as first, public_folder("second") as folder:
        assert asked(first, "who").code == 0
        text = (first.folder / "gsubmit.conf").read_text()
        for port, other in zip((first.port, first.tls_port), free_ports(2), strict=True):
            text = text.replace(f"port = {port}\n", f"port = {other}\n")
        (folder / "gsubmit.conf").write_text(text)
        command = [gsubmit_program(), "serve", *options, "-c", str(folder / "gsubmit.conf")]
        with running(command, folder / "log", [other]):
            eventually("the start", lambda: "serving on " in (folder / "log").read_text())
            said = (folder / "log").read_text()
            assert said.count(f"base_dir: {first.folder}: another server is asked there") == 1
        assert asked(first, "who").code == 0


@both
def test_the_folder_and_the_socket_are_those_of_the_user_that_serves(options: list[str]) -> None:
    need_root()
    settings = "default_internal_user = nobody\nbase_dir = {folder}/run\n"
    users, files = "driver = passwd-file\nargs = {folder}/users", {"users": "user:{PLAIN}secret\n"}
    with gsubmit(free_ports(1)[0], settings, files, passdb=users, options=options) as server:
        assert asked(server, "who").code == 0
        for name in ("run", "run/control"):
            assert (server.folder / name).stat().st_uid == NOBODY
        assert stat.S_IMODE((server.folder / "run").stat().st_mode) == 0o755
        assert "base_dir" not in server.log
        assert _as(NOBODY, server).output == "0 sessions of 0 users\n"
        ran = _as(NOBODY - 1, server)
        assert (ran.code, ran.output) == (
            69, f"no right to ask the server: {server.folder}/run/control is for root and nobody\n",
        )  # fmt: skip
        folder = server.folder / "run"
        server.process.terminate()
        server.process.wait(10)
        assert list(folder.iterdir()) == []


def _as(uid: int, server: Gsubmit) -> Ran:
    rights = [program("setpriv"), f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    return run([*rights, gsubmit_program(), "who", "-c", str(server.folder / "gsubmit.conf")])


@both
@pytest.mark.parametrize("base_dir", ["/proc/none/run", "{folder}/users/run"])
def test_without_a_folder_it_serves_all_the_same(base_dir: str, options: list[str]) -> None:
    with sink() as relay, gsubmit(relay.port, f"base_dir = {base_dir}\n", {"users": ""}, options=options) as server:
        with Client(server) as client:
            assert client.submit(MESSAGE)[0] == 250
        eventually("the start", lambda: "serving on " in server.log_so_far)
        [line] = [line for line in server.log.splitlines() if "base_dir" in line]
        assert ": Warning: base_dir: " in line
        assert line.endswith(": gsubmit who, kick, penalty and stats cannot ask this server")
        assert asked(server, "who").code == 69
