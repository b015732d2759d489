"""What a login proxy costs, ours beside Dovecot's: CPU of a session and of a MB, memory of a session that is idle.

All send everybody to the same backend, a gsubmit. Dovecot's is measured as Debian has it, with a process for each session,
and tuned, with two for all. Whatever a proxy has started counts, and has counted when it has ended.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from tests.bench.cpu import cpu_seconds, memory
from tests.bench.load import Load, log_in
from tests.harness.peer_dovecot import dovecot
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_proxy import NO_RELAY, elsewhere
from tests.harness.peer_sink import sink
from tests.harness.serving import certificate_folder

ROUNDS = 3
IDLE = 200  # sessions
WARMING = (Load("", 40), Load("", 40, tls=True))
LOADS = {
    "session": Load("", 300),
    "by TLS": Load("", 150, tls=True),
    "MB": Load("", 1, messages=4, size=20_000_000),
    "MB by TLS": Load("", 1, messages=4, size=20_000_000, tls=True),
}
MANY = "service {0} {{\n  client_limit = 4000\n}}\n"
LIMITS = MANY.format("auth") + MANY.format("anvil")
SETTINGS = {
    "Dovecot": f"{LIMITS}service submission-login {{\n  process_limit = 4000\n}}\n",
    "Dovecot tuned": f"""{LIMITS}
auth_cache_size = 10M
service submission-login {{
  service_count = 0
  process_min_avail = 2
  client_limit = 4000
}}
""",
}
Server = tuple[int, int]  # its port, and its process id, which leads a session


def measure() -> None:
    """Print a line for each proxy: milliseconds of CPU, KB of memory."""
    print(f"{'proxied':16}" + "".join(f"{name:>12}" for name in (*LOADS, "idle", "idle by TLS")) + "   ms, KB")
    context = ssl.create_default_context(cafile=f"{certificate_folder()}/ca.pem")
    with sink(dump=False) as relay, gsubmit(relay.port) as backend:
        for name in ("gsubmit", *SETTINGS):
            with _proxy(name, backend.port) as server:
                costs = [_cpu(server, load, context) for load in LOADS.values()]
            idle = []
            for tls in (False, True):
                with _proxy(name, backend.port) as server:
                    idle.append(_memory(server, context, tls=tls))
            print(f"{name:16}" + "".join(f"{cost:12.3f}" for cost in costs) + "".join(f"{size:12.1f}" for size in idle))


@contextmanager
def _proxy(name: str, backend: int) -> Iterator[Server]:
    passdb = elsewhere(backend)
    with ExitStack() as stack:
        if name == "gsubmit":
            ours = stack.enter_context(gsubmit(NO_RELAY, passdb=passdb))
            server = ours.port, ours.process.pid
        else:
            theirs = stack.enter_context(dovecot(NO_RELAY, SETTINGS[name], passdb))
            server = theirs.port, int((theirs.folder / "run" / "master.pid").read_text())
        yield server


def _cpu(server: Server, load: Load, context: ssl.SSLContext) -> float:
    """The least of some rounds, for each session, or each MB if there is more than one message."""
    port, process = server
    rounds = []
    for _ in range(ROUNDS):
        before = cpu_seconds(process)
        load.run(port, context)
        rounds.append(cpu_seconds(process) - before)
    megabytes = load.total * load.size / 1e6
    return min(rounds) * 1000 / (load.sessions if megabytes < load.sessions else megabytes)


def _memory(server: Server, context: ssl.SSLContext, *, tls: bool) -> float:
    """For each session that has logged in and says nothing."""
    port, process = server
    for load in WARMING:
        load.run(port, context)
    before = memory(process)
    with ExitStack() as stack:
        for _ in range(IDLE):
            sock, replies = log_in(port, context, tls=tls)
            stack.enter_context(closing(replies))
            stack.enter_context(closing(sock))
        return (memory(process) - before) / IDLE
