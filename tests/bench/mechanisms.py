"""What a login costs by each mechanism: CPU of a session that logs in and leaves, by how its password is stored.

The clients work for SCRAM too, on a CPU of their own.
"""

from __future__ import annotations

import socket
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import partial

from gsubmit.auth.schemes.stored import hash_password
from gsubmit.sasl.client import ClientExchange, Login, answer
from gsubmit.sasl.plain import plain_client
from gsubmit.sasl.scram import scram_client
from tests.bench.cpu import cpu_seconds, on_its_own_cpu
from tests.bench.load import expect
from tests.harness.peer_gsubmit import PASSWORD, Gsubmit, gsubmit
from tests.harness.peer_process import HOST
from tests.harness.peer_sink import sink

LOGINS = 100
ROUNDS = 2
MECHANISMS: dict[str, Callable[[Login], ClientExchange]] = {
    "PLAIN": plain_client,
    "SCRAM-SHA-1": partial(scram_client, "sha1"),
    "SCRAM-SHA-256": partial(scram_client, "sha256"),
}
SCHEMES = ("PLAIN", "SCRAM-SHA-256")
NOBODY = "driver = static\n  args = nopassword\n  mechanisms = external"
SETTINGS = """
auth_mechanisms = plain scram-sha-1 scram-sha-256
auth_penalty = no
passdb {
  driver = passwd-file
  args = {folder}/stored
}
"""


def measure() -> None:
    """Print a line for each mechanism and scheme that go together."""
    stored = "".join(f"{scheme.lower()}:{hash_password(scheme, PASSWORD)}\n" for scheme in SCHEMES)
    print(f"{'mechanism':16}{'stored as':>16}{'CPU ms':>10}")
    with sink(dump=False) as relay, gsubmit(relay.port, SETTINGS, {"stored": stored}, passdb=NOBODY) as server:
        for mechanism in MECHANISMS:
            for scheme in SCHEMES:
                if scheme in ("PLAIN", mechanism) or mechanism == "PLAIN":
                    with on_its_own_cpu(server.process.pid):
                        cost = min(_cost(server, mechanism, scheme.lower()) for _ in range(ROUNDS))
                    print(f"{mechanism:16}{scheme:>16}{cost:10.3f}", flush=True)


def _cost(server: Gsubmit, mechanism: str, user: str) -> float:
    before = cpu_seconds(server.process.pid)
    for _ in range(LOGINS):
        _log_in(server.port, mechanism, MECHANISMS[mechanism](Login(user, password=PASSWORD)))
    return (cpu_seconds(server.process.pid) - before) / LOGINS * 1000


def _log_in(port: int, mechanism: str, exchange: ClientExchange) -> None:
    with socket.create_connection((HOST, port), 60) as sock, sock.makefile("rb") as replies:
        expect(replies, b"220")
        sock.sendall(b"EHLO client.example.org\r\n")
        expect(replies, b"250")
        sock.sendall(f"AUTH {mechanism} ".encode() + b64encode(next(exchange)) + b"\r\n")
        while (reply := replies.readline()).startswith(b"334 "):
            sock.sendall(b64encode(answer(exchange, b64decode(reply[4:]))) + b"\r\n")
        assert reply.startswith(b"235"), reply
        sock.sendall(b"QUIT\r\n")
        expect(replies, b"221")
