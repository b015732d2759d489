"""Two hundred thousand messages, and whether anything grows: memory, descriptors, greenlets.

One process, so that it gets all of them; its greenlets are counted within, when it is sent a signal.
"""

from __future__ import annotations

import os
import signal
import ssl
import sys
import time
from pathlib import Path

from tests.bench.cpu import descriptors, memory
from tests.bench.load import Load
from tests.harness.peer_gsubmit import Gsubmit, gsubmit
from tests.harness.peer_process import eventually, public_folder
from tests.harness.peer_sink import sink

STEPS = 10
LOADS = (
    Load("sessions", 2_000),
    Load("by TLS", 1_000, tls=True),
    Load("pipelined", 140, messages=100, pipelined=True),
    Load("chunked", 300, messages=10, chunked=True, size=5_000),
)
COUNTED = signal.SIGRTMIN
PROGRAM = """#!{python}
import gsubmit_cli
import gc, os, sys
import gevent
from pathlib import Path
from gsubmit_cli.main import main

def count():
    gc.collect()
    greenlets = sum(isinstance(one, gevent.Greenlet) and not one.dead for one in gc.get_objects())
    Path("{folder}/new").write_text(str(greenlets))
    os.rename("{folder}/new", "{folder}/greenlets")

gevent.signal_handler({signal}, count)
main(["serve", "--foreground", *sys.argv[2:]])
"""


def measure() -> None:
    """Print a line for each tenth of them."""
    print(f"{'messages':16}{'PSS, KB':>10}{'descriptors':>13}{'greenlets':>11}")
    with public_folder("soak") as folder, sink(dump=False) as relay:
        program = folder / "program"
        program.write_text(PROGRAM.format(python=sys.executable, folder=folder, signal=int(COUNTED)))
        program.chmod(0o755)
        with gsubmit(relay.port, program=str(program)) as server:
            context = ssl.create_default_context(cafile=str(server.ca))
            _print(0, server, folder)
            for step in range(1, STEPS + 1):
                for load in LOADS:
                    load.run(server.port, context)
                _print(step * sum(load.total for load in LOADS), server, folder)


def _print(messages: int, server: Gsubmit, folder: Path) -> None:
    time.sleep(1)  # what ends has ended
    (folder / "greenlets").unlink(missing_ok=True)
    os.kill(server.process.pid, COUNTED)
    eventually("a count", (folder / "greenlets").exists)
    greenlets = (folder / "greenlets").read_text()
    leader = server.process.pid
    print(f"{messages:<16}{memory(leader):10.0f}{descriptors(leader):13}{greenlets:>11}", flush=True)
