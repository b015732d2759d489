"""The group of commands."""

from __future__ import annotations

import click

from gsubmit import __version__
from gsubmit_cli.auth_test import auth_test
from gsubmit_cli.check_config import check_config
from gsubmit_cli.hash_password import hash_password_command
from gsubmit_cli.init import init
from gsubmit_cli.plugins import plugins
from gsubmit_cli.send_test import send_test
from gsubmit_cli.sent import sent
from gsubmit_cli.serve import serve
from gsubmit_cli.sieve import sieve_check, sieve_test
from gsubmit_cli.stats import stats
from gsubmit_cli.watch import kick, penalty, who


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gsubmit")
def main() -> None:
    """A mail submission server: logs mail clients in and passes their messages to a relay, synchronously."""


# What a list of commands says of each; click cuts off what is longer than a line.
for command, said in (
    (init, "Lay out what a server needs on this machine."),
    (serve, "Serve mail clients until SIGTERM or Ctrl-C."),
    (check_config, "Check a configuration and show what it amounts to."),
    (auth_test, "Ask the passdbs whether a user may log in."),
    (hash_password_command, "Make what is stored of a password."),
    (send_test, "Submit one message and show every step."),
    (plugins, "Show the plugins there are, or try one on a message."),
    (sieve_check, "Check Sieve scripts for outgoing mail."),
    (sieve_test, "Show what a Sieve script does with a message."),
    (who, "Show the sessions of a running server."),
    (kick, "End sessions of a running server."),
    (penalty, "Show who has to wait after failed logins, or end it."),
    (sent, "Show copies for Sent that wait, and those that were lost."),
    (stats, "Show what a running server has counted and measured."),
):
    command.short_help = said
    main.add_command(command)
