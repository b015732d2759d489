"""Under systemd: what it hears of the server, and sockets that it has opened."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_gsubmit import Gsubmit, gsubmit, gsubmit_program
from tests.harness.peer_process import HOST, eventually, program, running
from tests.harness.ports import free_ports

BOTH = pytest.mark.parametrize("options", [(), ("--foreground",)], ids=["a master", "one process"])


@BOTH
def test_systemd_hears_of_start_reload_and_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as system:
        system.bind(str(tmp_path / "notify"))
        system.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "400000")

        def hear(word: str) -> None:
            """What comes next but for the watchdog's."""
            while (text := system.recv(4096).decode()) == "WATCHDOG=1":
                pass
            assert text.startswith(word)

        with gsubmit(25, options=options) as server:
            hear(f"READY=1\nSTATUS=serving on submission 127.0.0.1 port {server.port}, ")
            os.kill(server.process.pid, signal.SIGUSR1)  # logrotate's; not the end
            os.kill(server.process.pid, signal.SIGHUP)
            hear("RELOADING=1\nMONOTONIC_USEC=")
            hear("READY=1\n")
            (server.folder / "gsubmit.conf").write_text("nonsense = 1\n")
            os.kill(server.process.pid, signal.SIGHUP)
            hear("RELOADING=1\n")
            hear("READY=1\n")
            while system.recv(4096) != b"WATCHDOG=1":
                pass
            server.process.terminate()
            hear("STOPPING=1")
            assert server.process.wait(20) == 0


@BOTH
def test_a_socket_of_systemd_is_served_at_its_first_connection(options: tuple[str, ...]) -> None:
    activate = program("systemd-socket-activate")
    with gsubmit(25) as other:  # for its configuration
        text = (other.folder / "gsubmit.conf").read_text()
        ports = free_ports(2)
        for before, port in zip((other.port, other.tls_port), ports, strict=True):
            text = text.replace(f"port = {before}\n", f"port = {port}\n")
        path, output = other.folder / "activated.conf", other.folder / "output"
        path.write_text(text)
        command = [activate, "--listen", f"{HOST}:{ports[0]}", gsubmit_program(), "serve", *options, "-c", str(path)]
        with running(command, output, [ports[0]]) as process:
            eventually("the server", lambda: "serving on" in output.read_text())
            with Client(Gsubmit(process, other.folder, *ports)) as client:
                assert client.noop()[0] == 250
            with socket.create_connection((HOST, ports[1]), 5):
                pass
            assert "Warning: systemd" not in output.read_text()
