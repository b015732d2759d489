"""What many logins do to a session that sends a message meanwhile, with and without auth_cache_size.

The server has one CPU for itself and its threads, the clients another one.
"""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path
from typing import NamedTuple

import gevent

from gsubmit.auth.schemes.stored import hash_password
from tests.bench.cpu import cpu_seconds, on_its_own_cpu
from tests.bench.load import expect
from tests.harness.peer_gsubmit import PASSWORD, gsubmit
from tests.harness.peer_process import HOST
from tests.harness.peer_sink import sink

RATE = 500  # logins per second that are begun, if the server takes as many
SECONDS = 6.0
USERS = 20  # of each scheme
ADDRESSES = [f"127.0.1.{number}" for number in range(1, 65)]  # each has two slots
CLIENTS = 128  # at the same time
SCHEMES = ("SHA512-CRYPT", "BLF-CRYPT")
BODY = Path(__file__).with_name("body.py")
SETTINGS = """
auth_penalty = no
mail_max_userip_connections = 0
login_trusted_networks = 127.0.0.0/8
auth_cache_size = {cache}
passdb {{
  driver = passwd-file
  args = {{folder}}/hashed
}}
"""


class Pauses(NamedTuple):
    """Milliseconds that the session with the message waited for a reply."""

    longest: float
    usual: float  # 99 of 100 were shorter


def measure() -> None:
    """Print a line for each scheme, cached and not."""
    users = {scheme: [f"{scheme}-{number}@example.org".lower() for number in range(USERS)] for scheme in SCHEMES}
    hashed = [f"{user}:{hash_password(scheme, PASSWORD)}" for scheme in SCHEMES for user in users[scheme]]
    files = {"hashed": "\n".join([*hashed, ""])}
    print(f"{'logins':16}{'cache':>8}{'logins/s':>10}{'CPU ms each':>13}{'pause ms':>10}{'of 99 %':>9}")
    for cache in ("64M", "0"):
        settings = SETTINGS.format(cache=cache)
        with (
            sink(dump=False) as relay,
            gsubmit(relay.port, settings, files) as server,
            on_its_own_cpu(server.process.pid),
        ):
            before = cpu_seconds(server.process.pid)
            pauses = _Body(server.port).result()
            alone = cpu_seconds(server.process.pid) - before
            _print("none", cache, 0, 0, pauses)
            for scheme, names in users.items():
                if cache != "0":
                    for name in names:
                        _login(server.port, ADDRESSES[0], name)
                before = cpu_seconds(server.process.pid)
                body = _Body(server.port)
                count, late = _logins(server.port, names)
                pauses = body.result()
                each = (cpu_seconds(server.process.pid) - before - alone) / (count + late)
                _print(scheme, cache, count / SECONDS, each * 1000, pauses)


def _print(what: str, cache: str, rate: float, each: float, pauses: Pauses) -> None:
    print(f"{what:16}{cache:>8}{rate:10.0f}{each:13.3f}{pauses.longest:10.1f}{pauses.usual:9.1f}", flush=True)


class _Body:
    """The session that sends a message."""

    def __init__(self, port: int) -> None:
        command = [sys.executable, str(BODY), str(port), str(SECONDS)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def result(self) -> Pauses:
        output, _ = self._process.communicate()
        assert self._process.returncode == 0
        return Pauses(*map(float, output.split()))


def _logins(port: int, names: list[str]) -> tuple[int, int]:
    """Log in again and again, RATE times per second at most; how many were through in SECONDS, and how many later."""
    start = time.monotonic()
    numbers, in_time, late = itertools.count(), 0, 0

    def client(address: str) -> None:
        nonlocal in_time, late
        for number in numbers:
            begin = start + number / RATE
            if begin > start + SECONDS:
                return
            time.sleep(max(begin - time.monotonic(), 0))
            _login(port, address, names[number % len(names)])
            if time.monotonic() > start + SECONDS:
                late += 1
                return
            in_time += 1

    jobs = [gevent.spawn(client, address) for address in ADDRESSES * (CLIENTS // len(ADDRESSES))]
    gevent.joinall(jobs, raise_error=True)
    return in_time, late


def _login(port: int, address: str, name: str) -> None:
    response = b64encode(f"\0{name}\0{PASSWORD}".encode())
    with socket.create_connection((HOST, port), 60, (address, 0)) as sock, sock.makefile("rb") as replies:
        expect(replies, b"220")
        for line, reply in ((b"EHLO client.example.org", b"250"), (b"AUTH PLAIN " + response, b"235")):
            sock.sendall(line + b"\r\n")
            expect(replies, reply)
        sock.sendall(b"QUIT\r\n")
        expect(replies, b"221")
