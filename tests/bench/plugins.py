"""What others wait while a plugin does not behave: `python -m tests.bench plugins`.

One client sends a message after the other through a plugin that loops in Python, waits, raises or says nonsense, but
only for that client's subject; the columns are those of the attacks, of sessions of others with a message. A plugin that
loops holds all sessions of its worker; with `threaded = yes` they have the turns that the interpreter gives them.
"""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.bench.attacks import SETTINGS, Client
from tests.harness.peer_gsubmit import ONE_WORKER, gsubmit
from tests.harness.peer_process import HOST
from tests.harness.peer_sink import sink

PLUGIN = """
import time

from gsubmit.plugins import Mail, Plugin


class Odd(Plugin):
    def message(self, mail: Mail):
        if mail.header.get("Subject") != "odd":
            return None
        {code}
"""
CASES = {
    "returns None": "return None",
    "raises": "raise KeyError('odd')",
    "nonsense": "return 'yes'",
    "waits 2 s": "time.sleep(2)",
    "hangs": "time.sleep(3600)",
    "loops 2 s": "end = time.monotonic() + 2\n        while time.monotonic() < end: pass",
}
SERVER = """
submission_plugins = odd
submission_plugin odd {
  path = {folder}/odd.py
  timeout = 3 s
  threaded = %s
}
"""


def measure() -> None:
    """Print a line for each plugin."""
    print(f"{'a plugin that':16}{'threaded':10}{'p50':>8}{'p99':>8}{'longest':>9}{'reply':>9}{'refused':>9}   ms")
    for name, code in CASES.items():
        for threaded in ("no", "yes"):
            files = {"odd.py": PLUGIN.replace("{code}", code)}
            settings = SETTINGS + ONE_WORKER + SERVER % threaded
            with sink(dump=False) as relay, gsubmit(relay.port, settings, files) as server, _odd_client(server.port):
                print(f"{name:16}{threaded:10}{Client('mail', server.port).waited()}", flush=True)


@contextmanager
def _odd_client(port: int) -> Iterator[None]:
    is_over = threading.Event()
    sending = threading.Thread(target=_send, args=(port, is_over))
    sending.start()
    try:
        yield
    finally:
        is_over.set()
        sending.join()


def _send(port: int, is_over: threading.Event) -> None:
    while not is_over.wait(0.2):
        with suppress(smtplib.SMTPException, OSError), smtplib.SMTP(HOST, port, "odd.example.org", 60.0) as client:
            client.login("odd@example.org", "secret")
            client.sendmail("odd@example.org", ["b@example.org"], b"Subject: odd\r\n\r\ntext\r\n")
