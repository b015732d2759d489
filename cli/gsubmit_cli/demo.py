"""`gsubmit serve --demo`: a whole server with nothing to prepare, and nothing left on the network but loopback."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import click

from gsubmit.app.foreground import run
from gsubmit.app.server import Server
from gsubmit.auth.drivers import KNOWN
from gsubmit.relay.maildir import MaildirRelay
from gsubmit.settings.load import load
from gsubmit.testing.place import Place, free_port
from gsubmit_cli.program import from_here
from gsubmit_cli.send_test import send_test

USER = "demo"
SUBMISSION_PORT, SUBMISSIONS_PORT = 1587, 1465  # or any that are free, where others have these

_HELP = """\
Submission server on localhost port {submission} (STARTTLS) and {submissions} (TLS from the start).
User {user}, password {password}. Messages go to the Maildir {folder}/Maildir.

Try it:
  {program} send-test --server localhost:{submission} --ca {folder}/cert.pem --user {user} \\
      --password-file {folder}/password --from demo@localhost --to you@example.org

Ctrl-C ends the demo and removes {folder}.
"""


class FirstMessage:
    """One message, submitted with send-test and shown as it is stored.

    It talks to the demo's server beside it, from the moment it serves.
    """

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
            click.echo(f"$ {from_here()} send-test {shlex.join(arguments)}")
            code = send_test.main(arguments, prog_name="gsubmit send-test", standalone_mode=False)
            stored = sorted((maildir / "new").glob("*"))
            for path in stored:
                click.echo(f"\n$ cat {path}\n{path.read_text(errors='replace')}")
            self.arrived = code == 0 and len(stored) == 1
        finally:
            if self._stops:
                os.kill(os.getpid(), signal.SIGTERM)


def run_demo(message: FirstMessage | None = None) -> None:
    """Serve from a temporary folder until SIGTERM or Ctrl-C; `message` is submitted at the start."""
    with tempfile.TemporaryDirectory(prefix="gsubmit-demo-", ignore_cleanup_errors=True) as folder:
        _serve(Path(folder), message)


def _serve(folder: Path, message: FirstMessage | None) -> None:
    password = secrets.token_urlsafe(9)
    place = Place(folder)
    place.prepare({USER: password})
    place.keep("password", password + "\n")
    with closing(MaildirRelay(folder / "Maildir", "maildir.localhost")) as relay:
        ports = _free(SUBMISSION_PORT), _free(SUBMISSIONS_PORT)
        place.configure(*ports, relay.port, "login_greeting = gsubmit demo ready.\n")
        facts = {"folder": folder, "user": USER, "password": password, "program": from_here()}
        facts |= {"submission": ports[0], "submissions": ports[1]}
        server = Server(load(place.configuration, KNOWN).settings)
        click.echo(_HELP.format(**facts))
        if message is not None:
            message.start(f"localhost:{ports[0]}", USER, folder)
        run(server)


def _free(port: int) -> int:
    """This port, or one that is free."""
    try:
        return free_port(port)
    except OSError:
        return free_port(0)
