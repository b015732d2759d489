"""`gsubmit serve`: run the server."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from gsubmit.app import loading
from gsubmit.app.build import CannotStart
from gsubmit.app.foreground import run
from gsubmit.app.master import Master
from gsubmit.app.server import Server
from gsubmit.app.verdict import approved
from gsubmit.settings.problem import Notice, SettingsError
from gsubmit.settings.sections import Settings
from gsubmit_cli.config import config_option, loaded_from
from gsubmit_cli.demo import FirstMessage, run_demo

_log = logging.getLogger("gsubmit")


@click.command()
@config_option
@click.option("--foreground", is_flag=True, help="One process does it all, without master and workers.")
@click.option("--demo", is_flag=True, help="Needs no configuration: one user, a temporary certificate, a Maildir.")
@click.option("--send", is_flag=True, help="With --demo: submit one message to it with send-test, and show it.")
@click.option("--once", is_flag=True, help="With --demo: the same, and then stop.")
def serve(path: Path, foreground: bool, demo: bool, send: bool, once: bool) -> None:
    """Serve mail clients until SIGTERM or Ctrl-C.

    Exit code 0 after a gentle stop, 1 when the server cannot start, or when the message of --once did not arrive.
    """
    if (send or once) and not demo:
        raise click.UsageError("--send and --once go with --demo")
    try:
        if demo:
            message = FirstMessage(stops=once) if send or once else None
            run_demo(message)
            if once and message is not None and not message.arrived:
                sys.exit(1)
        elif foreground:
            _run_alone(path)
        else:
            _run(path)
    except (SettingsError, CannotStart, OSError) as error:
        click.echo(f"{'cannot start: ' if isinstance(error, OSError) else ''}{error}", err=True)
        sys.exit(1)


def _run(path: Path) -> None:
    def load() -> tuple[Settings, tuple[Notice, ...]]:
        return approved(loaded_from(path))

    outcome = loading.read_now(load)
    if outcome.settings is None:
        raise CannotStart("\n".join(outcome.errors))
    master = Master(outcome.settings, load)
    loading.log(outcome)
    master.run()


def _run_alone(path: Path) -> None:
    settings, notices = approved(loaded_from(path))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # who can connect may send it; these settings are as new as can be
    server = Server(settings)
    _log_all(notices)
    run(server, lambda: loaded_again(path))


def loaded_again(path: Path) -> Settings:
    """The settings for a reload; what there is to say about them is logged. Raises SettingsError."""
    settings, notices = approved(loaded_from(path))
    _log_all(notices)
    return settings


def _log_all(notices: Iterable[Notice]) -> None:
    for notice in notices:
        if notice.kind != "ignored":
            _log.warning("%s", notice)
