"""What others wait while somebody attacks: the sessions of a well-behaved client, without and with a message.

`python -m tests.bench attacks [PROGRAM] [NAME ...]`: PROGRAM is the path of the gsubmit to be tried, so that an old one
can be put beside a new one; names of attacks choose some. The server has one CPU for itself, the clients another one;
the server, each attack and each client is a process of its own. The columns are milliseconds for a whole session of
`look` or of `mail`, and `reply` the longest that any of them waited for one reply.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.attackers import ATTACKS
from tests.bench.cpu import cpu_seconds, on_its_own_cpu
from tests.harness.peer_gsubmit import Gsubmit, gsubmit, gsubmit_program
from tests.harness.peer_sink import sink

SECONDS = 7.0  # that others are watched
BEFORE = 0.5  # seconds that they are there before the attack, for attacks that begin with a blow
# Those that hold something are in place before others come, for so many seconds; the rest begins when they are there.
HOLDING = {
    "100 slow uploads": 0.0,
    "100 idle transactions": 0.0,
    "uploads and idle": 0.0,
    "300 knocks a second": 5.0,  # until the places are taken
    "one user everywhere": 0.0,
}
PREPARATION = 120.0  # seconds for an attack to prepare itself
WAITS = Path(__file__).with_name("waits.py")
SETTINGS = """
auth_penalty = no
disable_plaintext_auth = no
mail_max_userip_connections = 10
submission_relay_connect_timeout = 3s
passdb {
  driver = static
  args = password=secret
}
"""


def measure(words: list[str]) -> None:
    """Print a line for each attack."""
    programs = [word for word in words if "/" in word]
    names = [word for word in words if "/" not in word] or ["none", *ATTACKS]
    unknown = set(names) - {"none", *ATTACKS}
    if unknown or len(programs) > 1:
        raise SystemExit(f"attacks: {', '.join(ATTACKS)}")
    head = f"{'p50':>8}{'p99':>8}{'longest':>9}{'reply':>9}{'refused':>9} "
    print(f"{'attack':24}{'look':>6}{head}{'mail':>8}{head}{'CPU':>6}   ms", flush=True)
    for name in names:
        _print(name, programs[0] if programs else gsubmit_program())


def _print(name: str, program: str) -> None:
    with (
        sink(dump=False) as relay,
        gsubmit(relay.port, SETTINGS, program=program) as server,
        on_its_own_cpu(server.process.pid),
        _attack(name, server) as begin,
    ):
        if name in HOLDING:
            begin(HOLDING[name])
        before = cpu_seconds(server.process.pid)
        clients = [Client(what, server.port) for what in ("look", "mail")]
        if name not in HOLDING:
            time.sleep(BEFORE)
            begin(0)
        look, mail = (client.waited() for client in clients)
        used = (cpu_seconds(server.process.pid) - before) / SECONDS
    print(f"{name:24}{'':6}{look}{'':8}{mail}{used:6.0%}", flush=True)


class _Begin:
    """Lets an attack loose."""

    def __init__(self, process: subprocess.Popen[str] | None) -> None:
        self._process = process

    def __call__(self, seconds: float) -> None:
        """Let it have its way for so many seconds."""
        if self._process is not None:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            assert self._process.stdout.readline() == "begun\n"
            time.sleep(seconds)


@contextmanager
def _attack(name: str, server: Gsubmit) -> Iterator[_Begin]:
    """An attack that is prepared."""
    if name == "none":
        yield _Begin(None)
        return
    command = [sys.executable, "-m", "tests.bench.attackers", name, str(server.port), str(server.tls_port)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", f"{name} could not be prepared"
            yield _Begin(process)
        finally:
            process.kill()


class Client:
    """A well-behaved one; `waited` says what it went through."""

    def __init__(self, what: str, port: int) -> None:
        command = [sys.executable, str(WAITS), what, str(port), str(SECONDS)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def waited(self) -> str:
        """Five columns."""
        output, _ = self._process.communicate()
        assert self._process.returncode == 0
        sessions = [line.split(" ", 2) for line in output.splitlines()]
        times = sorted(float(session) for session, _, _ in sessions)
        reply = max(float(wait) for _, wait, _ in sessions)
        refused = sum(bool(refusal) for _, _, refusal in sessions)
        middle, usual = times[len(times) // 2], times[len(times) * 99 // 100]
        for refusal in sorted({refusal for _, _, refusal in sessions if refusal})[:3]:
            print(f"  {refusal}", file=sys.stderr)
        return f"{middle:8.1f}{usual:8.1f}{times[-1]:9.1f}{reply:9.1f}{refused:5}/{len(times):<4}"
