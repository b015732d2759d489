"""A master and its workers: reloads and deaths under load, and what each of them is allowed to be."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_clients import run
from tests.harness.peer_gsubmit import Gsubmit, gsubmit, gsubmit_program
from tests.harness.peer_load import load
from tests.harness.peer_message import small_message
from tests.harness.peer_process import HOST, answers, children, eventually, need_root
from tests.harness.peer_sink import sink
from tests.harness.peer_sockets import connections_to, has_clients
from tests.harness.ports import free_ports

TWO = "service submission-login {\n  process_min_avail = 2\n}\n"
MESSAGE = small_message("workers", 3_000)


def workers(server: Gsubmit) -> list[int]:
    return children(server.process.pid, "gsubmit-worker")


def all_serve(server: Gsubmit, number: int = 2) -> list[int]:
    """The workers, once there are so many and no others."""
    eventually("the start", lambda: "serving on " in server.log_so_far)
    return eventually(f"{number} workers", lambda: found if len(found := workers(server)) == number else [])


def await_another(server: Gsubmit, gone: int) -> None:
    """Wait until there are two workers without that one, which may end between two looks at them."""

    def is_there() -> bool:
        found = workers(server)
        return len(found) == 2 and gone not in found

    eventually("another worker", is_there)


def reload(
    server: Gsubmit, replaced: Callable[[str], str] = lambda text: text, said: str = "settings reloaded"
) -> None:
    """Change the settings, and let them be read; until the log says what came of it."""
    path = server.folder / "gsubmit.conf"
    path.write_text(replaced(path.read_text()))
    before = server.log_so_far.count(said)
    os.kill(server.process.pid, signal.SIGHUP)
    eventually(said, lambda: server.log_so_far.count(said) > before)


def test_nothing_is_lost_or_doubled_by_reloads() -> None:
    with sink() as relay, gsubmit(relay.port, TWO) as server:
        all_serve(server)
        with load(server) as seen:
            for _ in range(8):
                time.sleep(0.4)
                reload(server)
        assert (seen.refused, seen.lost, seen.unknown) == ([], 0, set())
        assert len(seen.accepted) > 50
        assert seen.faults(relay) == []
        assert "Error" not in server.log
        eventually("the end of the old ones", lambda: len(workers(server)) == 2)


def test_a_worker_that_is_killed_takes_its_own_sessions_with_it() -> None:
    with sink() as relay, gsubmit(relay.port, TWO) as server:
        killed = all_serve(server)[0]
        clients = [Client(server)]
        while not all(has_clients(worker, server.port) for worker in workers(server)):
            clients.append(Client(server))
        with load(server) as seen:
            time.sleep(0.5)
            os.kill(killed, signal.SIGKILL)
            await_another(server, killed)
            time.sleep(1)
        assert seen.refused == []
        assert seen.faults(relay) == []
        assert 0 < sum(survives(client) for client in clients) < len(clients)
        assert f"worker 0 (process {killed}): ended by signal 9" in server.log


def survives(client: Client) -> bool:
    try:
        return client.submit(MESSAGE)[0] == 250
    except (OSError, smtplib.SMTPException):
        return False
    finally:
        client.close()


def test_workers_that_do_not_live_long_are_made_again_ever_later() -> None:
    with gsubmit(1, TWO) as server:
        all_serve(server)
        gaps = []
        for _ in range(4):
            first = workers(server)[0]
            os.kill(first, signal.SIGKILL)
            began = time.monotonic()
            await_another(server, first)
            gaps.append(time.monotonic() - began)
        assert gaps[-1] > 2 * gaps[0]


STRICT = """#!{python}
import gsubmit_cli
from gsubmit.app import workers
from gsubmit_cli.main import main

workers.LOOK_EVERY = 1.5
workers.MOST_MISSES = 2
main()
"""


def test_a_worker_that_hangs_is_replaced(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(STRICT.format(python=sys.executable))
    program.chmod(0o755)
    with sink() as relay, gsubmit(relay.port, TWO, program=str(program)) as server:
        first, second = all_serve(server)
        os.kill(first, signal.SIGSTOP)
        await_another(server, first)
        assert second in workers(server)
        assert f"(process {first}) does nothing any more: it is killed" in server.log
        with Client(server) as client:
            assert client.submit(MESSAGE)[0] == 250


def test_without_a_master_the_workers_leave() -> None:
    with sink() as relay, gsubmit(relay.port, TWO) as server:
        orphans = all_serve(server)
        with Client(server) as idle:
            server.process.kill()
            server.process.wait()
            assert idle.getreply()[0] == 421
        eventually("the end of the workers", lambda: not any(Path(f"/proc/{orphan}").exists() for orphan in orphans))
        assert not answers(server.port)
        again = run([gsubmit_program(), "serve", "--help"])
        assert again.code == 0
        assert "the master has gone" in server.log


def test_a_reload_takes_ports_too() -> None:
    (another,) = free_ports(1)
    with sink() as relay, gsubmit(relay.port, TWO) as server, Client(server) as early:
        all_serve(server)
        reload(server, lambda text: text.replace(f"port = {server.tls_port}", f"port = {another}"))
        assert answers(another)
        eventually("the end of the old port", lambda: not answers(server.tls_port))
        assert early.submit(MESSAGE)[0] == 250
        with Client(server) as late:
            assert late.submit(MESSAGE)[0] == 250


def test_what_cannot_be_served_by_changes_nothing() -> None:
    with socket.create_server((HOST, 0)) as taken, sink() as relay, gsubmit(relay.port, TWO) as server:
        before = all_serve(server)
        port = taken.getsockname()[1]
        reload(server, lambda text: text + "\nnonsense\n", "Error: reload: ")
        reload(server, lambda text: text.replace("\nnonsense\n", ""))
        eventually("other workers", lambda: not set(before) & set(workers(server)))
        before = all_serve(server)
        reload(
            server, lambda text: text.replace(f"port = {server.tls_port}", f"port = {port}"), "Address already in use"
        )
        assert workers(server) == before
        with Client(server) as client:
            assert client.submit(MESSAGE)[0] == 250


def test_idle_clients_of_old_settings_hear_421_in_the_end() -> None:
    with sink() as relay, gsubmit(relay.port, TWO + "shutdown_clients = 1s\n") as server:
        all_serve(server)
        with Client(server) as idle, Client(server) as busy:
            busy.begin()
            reload(server, lambda text: text.replace("msa.example.org", "other.example.org"))
            assert idle.getreply() == (421, b"4.3.2 msa.example.org Server shutting down")
            assert busy.data(MESSAGE)[0] == 250
            assert busy.getreply()[0] == 421
        with socket.create_connection((HOST, server.port)) as late:
            assert late.recv(100).startswith(b"220 other.example.org ")


def test_logs_are_opened_again() -> None:
    with sink() as relay, gsubmit(relay.port, TWO + "log_path = {folder}/server.log\n") as server:
        all_log, moved = server.folder / "server.log", server.folder / "moved.log"
        eventually("the start", lambda: "serving on " in all_log.read_text())
        all_log.rename(moved)
        os.kill(server.process.pid, signal.SIGUSR1)
        with Client(server) as client:
            assert client.submit(MESSAGE)[0] == 250
        eventually("the line", lambda: "Relayed message" in all_log.read_text())
        assert "Relayed message" not in moved.read_text()


def test_only_the_master_stays_root() -> None:
    need_root()
    with gsubmit(1, TWO + "default_login_user = nobody\n", passdb="driver = static\n  args = password=x") as server:
        for worker in all_serve(server):
            status = Path(f"/proc/{worker}/status").read_text()
            assert "Uid:\t65534\t65534\t65534\t65534\n" in status
            assert "CapEff:\t0000000000000000\n" in status
            assert "CapPrm:\t0000000000000000\n" in status


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_workers(number: int) -> None:
    with gsubmit(1, TWO.replace("2", str(number))) as server:
        assert len(all_serve(server, number)) == number
        reload(server, lambda text: text.replace("process_min_avail = ", "process_min_avail = 1"))
        eventually("more", lambda: len(workers(server)) == 10 + number)


def test_connections_to_the_relay_are_counted_for_all_workers_together() -> None:
    """Clients wait for one that another worker keeps, be it for a client that thinks; the killed have none."""
    with sink() as relay, gsubmit(relay.port, TWO + "submission_relay_max_connections = 2\n") as server:
        all_serve(server)
        clients = [Client(server) for _ in range(8)]
        for client in clients:
            client.begin()  # and then they think
        most = 0
        for _ in range(2):
            assert [client.data(MESSAGE)[0] for client in clients] == [250] * 8
            most = max(most, connections_to(relay.port))
            for client in clients:
                client.begin()
                most = max(most, connections_to(relay.port))
        for client in clients:
            client.close()
        assert most == 2
        assert len(relay.messages) >= 16
        with load(server) as seen:
            end = time.monotonic() + 2
            while time.monotonic() < end:
                assert connections_to(relay.port) <= 2
                time.sleep(0.005)
            kill = all_serve(server)[0]
            os.kill(kill, signal.SIGKILL)
            time.sleep(1)
        assert seen.refused == []
        assert len(seen.accepted) > 20
        assert seen.faults(relay) == []


def test_the_watcher_is_made_again() -> None:
    """It keeps what it has seen as long as the settings are the same."""
    (port,) = free_ports(1)
    with gsubmit(1, TWO + f"service metrics {{\n  inet_listener {{\n    port = {port}\n  }}\n}}\n") as server:
        all_serve(server)

        def shown() -> str:
            with urlopen(f"http://{HOST}:{port}/metrics", timeout=5) as page:
                return str(page.read().decode())

        def watcher() -> int:
            return (
                eventually("one watcher", lambda: len(children(server.process.pid, "gsubmit-watcher")) == 1)
                and children(server.process.pid, "gsubmit-watcher")[0]
            )

        Client(server).close()
        eventually("the figure", lambda: 'gsubmit_logins_total{mechanism="PLAIN",result="ok"} 1.0' in shown())
        first = watcher()
        reload(server)
        assert watcher() == first
        os.kill(first, signal.SIGKILL)
        eventually("another", lambda: children(server.process.pid, "gsubmit-watcher") not in ([], [first]))
        assert 'gsubmit_logins_total{mechanism="PLAIN",result="ok"} 1.0' in shown()
        second = watcher()
        reload(server, lambda text: text.replace(str(port), str(server.tls_port + 1000)))
        eventually("another", lambda: children(server.process.pid, "gsubmit-watcher") not in ([], [second]))
        eventually("the end of the port", lambda: not answers(port))
        asked = run([gsubmit_program(), "who", "-c", str(server.folder / "gsubmit.conf")])
        assert asked.code == 0, asked.output
    assert not (server.folder / "control").exists()


def test_tls_sessions_are_resumed_with_any_worker() -> None:
    """But not with one that serves by other settings."""
    with gsubmit(1, TWO) as server:
        all_serve(server)
        context = ssl.create_default_context(cafile=str(server.ca))

        def connect(session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool | None]:
            with (
                socket.create_connection((HOST, server.tls_port), 10) as sock,
                context.wrap_socket(sock, server_hostname="localhost", session=session) as tls,
            ):
                assert tls.recv(3) == b"220"
                return tls.session, tls.session_reused

        session, _ = connect(None)
        assert [connect(session)[1] for _ in range(12)] == [True] * 12
        reload(server)
        assert connect(session)[1] is False
