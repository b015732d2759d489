"""Ten thousand clients that are logged in by TLS and say nothing: what each costs, and what the next one notices.

All come from one process, whose limit of descriptors decides how many there can be.
"""

from __future__ import annotations

import resource
import ssl
import time
from contextlib import ExitStack, closing

import gevent
from gevent.pool import Pool

from tests.bench.cpu import cpu_seconds, memory
from tests.bench.load import Load, log_in
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_sink import sink

IDLE = 10_000
AT_A_TIME = 50  # handshakes
MESSAGES = 20
WATCHED = 5.0  # seconds in which they say nothing
WARMING = Load("", 100, tls=True)
SETTINGS = f"service submission-login {{\n  process_limit = {IDLE + 100}\n}}\n"


def measure() -> None:
    """Print a line."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    number = min(IDLE, hard - 200)
    print(f"{'idle by TLS':16}{'KB each':>10}{'CPU %':>8}{'message, ms':>13}{'longest':>9}")
    with sink(dump=False) as relay, gsubmit(relay.port, SETTINGS) as server, ExitStack() as stack:
        leader, context = server.process.pid, ssl.create_default_context(cafile=str(server.ca))
        WARMING.run(server.port, context)
        before = memory(leader)

        def connect() -> None:
            sock, replies = log_in(server.port, context, tls=True)
            stack.enter_context(closing(replies))
            stack.enter_context(closing(sock))

        pool = Pool(AT_A_TIME)
        gevent.joinall([pool.spawn(connect) for _ in range(number)], raise_error=True)
        size = (memory(leader) - before) / number
        used = cpu_seconds(leader)
        time.sleep(WATCHED)
        used = cpu_seconds(leader) - used
        waits = []
        for _ in range(MESSAGES):
            began = time.monotonic()
            Load("", 1).run(server.port, context)
            waits.append((time.monotonic() - began) * 1000)
        waits.sort()
        cpu = 100 * used / WATCHED
        print(f"{number:<16}{size:10.1f}{cpu:8.1f}{waits[len(waits) // 2]:13.1f}{waits[-1]:9.1f}", flush=True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
