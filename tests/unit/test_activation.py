"""Sockets of systemd: a program is started with them as systemd would do it, and says what it has."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.harness.ports import free_ports

# Puts the descriptors where systemd has them, becomes the process of LISTEN_PID, and opens the listeners of a configuration.
PROGRAM = """
import json, os, sys
given, names, process, ports = json.loads(sys.argv[1])
for place, descriptor in enumerate(given):
    os.dup2(descriptor, 100 + place)
for place in range(len(given)):
    os.dup2(100 + place, 3 + place)
os.environ["LISTEN_FDS"], os.environ["LISTEN_FDNAMES"] = str(len(given)), names
os.environ["LISTEN_PID"] = process or str(os.getpid())
from dataclasses import replace
from gsubmit.app.build import CannotStart
from gsubmit.app.sockets import open_all
from gsubmit.settings.blocks import InetListener, ServiceSettings
from tests.harness.loading import load_text
listeners = tuple(InetListener(f"of-{port}", address=tuple(addresses), port=port) for port, *addresses in ports)
settings = replace(load_text("ssl = no\\n").settings, services=ServiceSettings(listeners))
try:
    bound, warnings = open_all(settings)
except CannotStart as error:
    print(json.dumps({"error": str(error)}))
else:
    print(json.dumps({
        "bound": [(one.name, one.sock.fileno()) for one in bound],
        "inherited": [os.get_inheritable(one.sock.fileno()) for one in bound],
        "warnings": warnings,
        "left": [name for name in os.environ if name.startswith("LISTEN_")],
        "closed": [number for number in range(3, 3 + len(given)) if not os.path.exists(f"/proc/self/fd/{number}")],
    }))
"""


def start(
    given: list[socket.socket], *ports: tuple[int | str, ...], names: str = "", process: str = ""
) -> dict[str, Any]:
    """What the program says; `ports` are listeners: a port and its addresses."""
    numbers = [sock.fileno() for sock in given]
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([numbers, names, process, ports])],
        pass_fds=numbers, capture_output=True, text=True, check=False, cwd=os.getcwd(),
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout)
    return said


@pytest.fixture
def opened() -> Iterator[Any]:
    """Opens sockets as systemd would; `both` is for IPv4 too."""
    with ExitStack() as stack:

        def _open(address: str, port: int, kind: int = socket.SOCK_STREAM, *, both: bool = False) -> socket.socket:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = stack.enter_context(socket.socket(family, kind))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not both)
            sock.bind((address, port))
            if kind == socket.SOCK_STREAM:
                sock.listen()
            return sock

        yield _open


def test_each_listener_takes_its_own_and_opens_what_is_missing(opened: Any) -> None:
    one, two, three = free_ports(3)
    given = [opened("::1", two), opened("127.0.0.1", one)]
    said = start(given, (one, "127.0.0.1"), (two, "127.0.0.1", "::1"), (three, "127.0.0.1"))
    names = [f"of-{one} 127.0.0.1", f"of-{two} 127.0.0.1", f"of-{two} ::1", f"of-{three} 127.0.0.1"]
    assert [name for name, _ in said["bound"]] == names
    descriptors = dict(said["bound"])
    assert (descriptors[names[0]], descriptors[names[2]]) == (4, 3)
    assert {descriptors[names[1]], descriptors[names[3]]}.isdisjoint({3, 4})
    assert said["inherited"] == [False] * 4
    assert (said["warnings"], said["left"], said["closed"]) == ([], [], [])


def test_all_addresses(opened: Any) -> None:
    (port,) = free_ports(1)
    said = start([opened("0.0.0.0", port), opened("::", port)], (port, "*", "::"))
    assert said["bound"] == [[f"of-{port} *", 3], [f"of-{port} ::", 4]]


def test_what_no_listener_names_is_closed(opened: Any) -> None:
    port, other = free_ports(2)
    given = [opened("127.0.0.1", other), opened("127.0.0.1", port), opened("127.0.0.2", port)]
    said = start(given, (port, "127.0.0.1"), names="smtp:submission:more")
    assert said["bound"] == [[f"of-{port} 127.0.0.1", 4]]
    assert said["closed"] == [3, 5]
    assert said["warnings"] == [
        f"systemd's socket smtp on 127.0.0.1 port {other} is closed: no inet_listener has this address and port",
        f"systemd's socket more on 127.0.0.2 port {port} is closed: no inet_listener has this address and port",
    ]


def test_what_cannot_be_listened_on(opened: Any) -> None:
    port, other = free_ports(2)
    connected = opened("127.0.0.1", other)
    client = socket.create_connection(("127.0.0.1", other))
    accepted, _ = connected.accept()
    datagrams = opened("127.0.0.1", port, socket.SOCK_DGRAM)
    with client, accepted, open("/dev/null") as null:
        given = [accepted, datagrams, null]
        said = start(given, (port, "127.0.0.1"), names="accepted:datagrams")
    assert len(said["bound"]) == 1
    assert said["warnings"] == [
        "systemd's socket accepted is of no use: it does not listen (systemd: ListenStream=, Accept=no)",
        "systemd's socket datagrams is of no use: it does not listen (systemd: ListenStream=, Accept=no)",
        "systemd's socket unknown is of no use: [Errno 88] Socket operation on non-socket",
    ]


def test_a_socket_of_unix_is_no_listeners(opened: Any, tmp_path: Any) -> None:
    (port,) = free_ports(1)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "socket"))
        sock.listen()
        said = start([sock], (port, "127.0.0.1"), names="control")
    assert said["warnings"] == [
        f"systemd's socket control on {tmp_path}/socket is closed: no inet_listener has this address and port"
    ]


def test_all_of_ipv6_must_not_be_ipv4_too(opened: Any) -> None:
    (port,) = free_ports(1)
    said = start([opened("::", port, both=True)], (port, "::"))
    assert said["error"] == (
        f"cannot listen on :: port {port}: the socket that is there takes IPv4 too (systemd: BindIPv6Only=ipv6-only)"
    )


def test_what_is_for_another_process_is_left_alone(opened: Any) -> None:
    port, other = free_ports(2)
    said = start([opened("127.0.0.1", port)], (other, "127.0.0.1"), process="1")
    assert (said["warnings"], said["closed"], said["left"]) == ([], [], [])
