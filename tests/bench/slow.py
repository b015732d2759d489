"""Two hundred slow clients beside twenty fast ones: how much longer the fast ones wait than without them.

A slow client sends a message of 2 MB, some hundred octets at a time.
"""

from __future__ import annotations

import ssl
import subprocess
import sys
import time

import gevent

from tests.bench.load import MAIL, Load, log_in, say
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_sink import sink

SLOW = 200
FAST = 20
SECONDS = 10.0
PIECE, PAUSE = 500, 0.1  # octets, and seconds between them
CONTENT = Load("", 1, size=2_000_000).message


def measure() -> None:
    """Print a line for the fast clients without and with the slow ones."""
    print(f"{'beside':16}{'messages/s':>12}{'half, ms':>10}{'of 99 %':>9}{'longest':>9}")
    with sink(dump=False) as relay, gsubmit(relay.port) as server:
        context = ssl.create_default_context(cafile=str(server.ca))
        _print("nobody", _fast(server.port))
        slow = [gevent.spawn(_be_slow, server.port, context) for _ in range(SLOW)]
        time.sleep(2)
        _print(f"{SLOW} slow ones", _fast(server.port))
        assert not any(client.ready() for client in slow)
        gevent.killall(slow)


def _print(what: str, waits: list[float]) -> None:
    waits.sort()
    rate, half, most = len(waits) / SECONDS, waits[len(waits) // 2], waits[len(waits) * 99 // 100]
    print(f"{what:16}{rate:12.0f}{half:10.2f}{most:9.2f}{waits[-1]:9.2f}", flush=True)


def _fast(port: int) -> list[float]:
    command = [sys.executable, "-m", "tests.bench.fast", str(port), str(FAST), str(SECONDS)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [float(word) for word in ran.stdout.split()]


def _be_slow(port: int, context: ssl.SSLContext) -> None:
    """It never comes to an end."""
    sock, replies = log_in(port, context, tls=False)
    for line in (MAIL, b"RCPT TO:<b@example.org>\r\n", b"DATA\r\n"):
        time.sleep(PAUSE)
        say(sock, replies, line)
    for at in range(0, len(CONTENT), PIECE):
        time.sleep(PAUSE)
        sock.sendall(CONTENT[at : at + PIECE])
