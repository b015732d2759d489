"""What the message layer costs: CPU time with fix-ups, sender rules and a plugin, each alone and all together.

`python -m tests.bench layers`. Servers that differ in nothing else take the same load in turn, and each figure is the
median of the ratios to the server without, round by round: machines are noisy, and that noise lasts longer than a round.
"""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from statistics import mean, median

from tests.bench.cpu import cpu_seconds, on_its_own_cpu
from tests.bench.load import Load
from tests.harness.peer_gsubmit import ONE_WORKER, Gsubmit, gsubmit
from tests.harness.peer_sink import sink
from tests.harness.serving import certificate_folder

STARTS, ROUNDS = 4, 20  # a server is somewhere else in memory each time, which makes it a little faster or slower
PLUGIN = '''
from gsubmit.plugins import Mail, Plugin, Reply, refuse


class Word(Plugin):
    """Refuses mail whose subject has the word."""

    def message(self, mail: Mail) -> Reply | None:
        if "secret" in mail.header.get("Subject").lower():
            raise refuse("550", "5.7.1", "not that word")
        return None
'''
FIX_UPS = """
submission_add_date = yes
submission_add_message_id = yes
submission_drop_headers = Bcc Resent-Bcc Return-Path Content-Length
submission_require_from = yes
"""
RULES = "submission_sender_check = both\nsubmission_sender_login_map = {folder}/map\n"
WITH_PLUGIN = "submission_plugins = word\nsubmission_plugin word {\n  path = {folder}/word.py\n}\n"
LAYERS = {
    "nothing": "",
    "fix-ups": FIX_UPS,
    "sender rules": RULES,
    "a plugin": WITH_PLUGIN,
    "all three": FIX_UPS + RULES + WITH_PLUGIN,
}
FILES = {"map": "@example.org user\n", "word.py": PLUGIN}
LOADS = (
    Load("session", 80, clients=8),
    Load("starttls", 30, clients=4, tls=True),
    Load("lockstep", 4, messages=50, clients=4),
    Load("pipelined", 4, messages=60, clients=4, pipelined=True),
)


def measure() -> None:
    """Print a line for each load."""
    print(f"{'CPU per message':16}" + "".join(f"{name:>14}" for name in LAYERS))
    context = ssl.create_default_context(cafile=f"{certificate_folder()}/ca.pem")
    for load in LOADS:
        starts = [_start(load, context) for _ in range(STARTS)]
        least = min(one["nothing"][0] for one in starts)
        ratios = [mean(one[name][1] for one in starts) for name in LAYERS]
        print(f"{load.name:16}{least:11.3f} ms" + "".join(f"{ratio:14.3f}" for ratio in ratios[1:]), flush=True)


def _start(load: Load, context: ssl.SSLContext) -> dict[str, tuple[float, float]]:
    """For each layer the least milliseconds per message, and the ratio to nothing; of servers started for it."""
    costs: dict[str, list[float]] = {name: [] for name in LAYERS}
    with sink(dump=False) as relay, ExitStack() as stack:
        servers = {
            name: stack.enter_context(gsubmit(relay.port, ONE_WORKER + settings, FILES))
            for name, settings in LAYERS.items()
        }
        for server in servers.values():
            load.run(server.port, context)
        for number in range(ROUNDS):
            first = number % len(servers)
            for name in [*servers, *servers][first : first + len(servers)]:
                costs[name].append(_cost(servers[name], load, context))
    return {
        name: (min(own), median(one / other for one, other in zip(own, costs["nothing"], strict=True)))
        for name, own in costs.items()
    }


def _cost(server: Gsubmit, load: Load, context: ssl.SSLContext) -> float:
    with on_its_own_cpu(server.process.pid):
        before = cpu_seconds(server.process.pid)
        load.run(server.port, context)
        return (cpu_seconds(server.process.pid) - before) / load.total * 1000
