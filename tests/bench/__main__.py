"""`make bench`: what gsubmit costs per message, beside a proxy that does nothing, both in front of smtp-sink.

CPU time of the server's process over the messages of a load; the smallest of some rounds, to keep others' work on the
machine out of it. The floor has neither TLS nor logins, so it gets the same load without them. Then `logins`,
`mechanisms`, `burl` and `proxied`: see there. `attacks`, `idle`, `slow`, `soak`, `layers`, `plugins` and `sieve` only when
they are asked for.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import ssl  # noqa: E402 - after the patch
import subprocess  # noqa: E402
import sys  # noqa: E402
from dataclasses import replace  # noqa: E402
from pathlib import Path  # noqa: E402

from tests.bench import attacks, burl, idle, layers, logins, mechanisms, plugins, proxied, sieve, slow, soak  # noqa: E402
from tests.bench.cpu import cpu_seconds  # noqa: E402
from tests.bench.load import Load  # noqa: E402
from tests.harness.peer_gsubmit import gsubmit  # noqa: E402
from tests.harness.peer_process import public_folder, running  # noqa: E402
from tests.harness.peer_sink import sink  # noqa: E402
from tests.harness.ports import free_ports  # noqa: E402

ROUNDS = 3
FLOOR = Path(__file__).with_name("floor.py")
LOADS = (
    Load("session", 400),
    Load("starttls", 200, tls=True),
    Load("pipelined", 20, messages=100, pipelined=True),
    Load("lockstep", 20, messages=50),
    Load("50 recipients", 100, recipients=50, pipelined=True),
    Load("20 MB by DATA", 4, size=20_000_000, clients=2),
    Load("20 MB by BDAT", 4, size=20_000_000, chunked=True, clients=2),
)
OTHERS = {"logins": logins.measure, "mechanisms": mechanisms.measure, "burl": burl.measure, "proxied": proxied.measure}
LONG = {
    "idle": idle.measure,
    "slow": slow.measure,
    "soak": soak.measure,
    "layers": layers.measure,
    "plugins": plugins.measure,
    "sieve": sieve.measure,
}


def cost(process: subprocess.Popen[bytes], load: Load, port: int, context: ssl.SSLContext | None) -> float:
    """Milliseconds per message. Without a context for TLS there is no login either."""
    rounds = []
    for _ in range(ROUNDS):
        before = cpu_seconds(process.pid)
        load.run(port, context)
        rounds.append(cpu_seconds(process.pid) - before)
    return min(rounds) / load.total * 1000


def main() -> None:
    """Print a line per load; words on the command line choose some."""
    chosen = sys.argv[1:]
    if chosen[:1] == ["attacks"]:
        attacks.measure(chosen[1:])
        return
    if not set(chosen) or set(chosen) - OTHERS.keys() - LONG.keys():
        loads()
    for name, others in OTHERS.items():
        if not chosen or name in chosen:
            others()
    for name, others in LONG.items():
        if name in chosen:
            others()


def loads() -> None:
    """What messages cost."""
    chosen = [load for load in LOADS if not sys.argv[1:] or load.name in sys.argv[1:]]
    (port,) = free_ports(1)
    with public_folder("bench") as folder, sink(dump=False) as relay, gsubmit(relay.port) as server:
        floor = [sys.executable, str(FLOOR), str(port), str(relay.port)]
        context = ssl.create_default_context(cafile=str(server.ca))
        with running(floor, folder / "floor.log", [port]) as proxy:
            print(f"{'load':16}{'gsubmit':>12}{'floor':>12}{'ratio':>8}   ms of CPU per message")
            for load in chosen:
                ours = cost(server.process, load, server.port, context)
                least = cost(proxy, replace(load, tls=False, chunked=False), port, None)
                print(f"{load.name:16}{ours:12.3f}{least:12.3f}{ours / max(least, 1e-9):8.1f}", flush=True)


if __name__ == "__main__":
    main()
