"""One message through the demo: submitted with send-test, and shown as it is stored."""

from __future__ import annotations

import os
import shlex
import signal
import threading
from pathlib import Path

import click

from gsubmit_cli.send_test import send_test


class FirstMessage:
    """Talks to the demo's server beside it, from the moment it serves."""

    def __init__(self, *, stops: bool) -> None:
        self._stops = stops
        self.arrived = False

    def start(self, server: str, user: str, folder: Path) -> None:
        """Begin. The server may start later: its port is open, so that clients wait."""
        arguments = ["--server", server, "--ca", str(folder / "cert.pem"), "--user", user]
        arguments += ["--password-file", str(folder / "password"), "--from", f"{user}@localhost"]
        arguments += ["--to", "you@example.org", "--subject", "The first message"]
        threading.Thread(target=self._run, args=(arguments, folder / "Maildir"), daemon=True).start()

    def _run(self, arguments: list[str], maildir: Path) -> None:
        try:
            click.echo(f"$ gsubmit send-test {shlex.join(arguments)}")
            code = send_test.main(arguments, prog_name="gsubmit send-test", standalone_mode=False)
            stored = sorted((maildir / "new").glob("*"))
            for path in stored:
                click.echo(f"\n$ cat {path}\n{path.read_text(errors='replace')}")
            self.arrived = code == 0 and len(stored) == 1
        finally:
            if self._stops:
                os.kill(os.getpid(), signal.SIGTERM)
