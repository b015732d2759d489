"""`gsubmit who`, `kick` and `penalty`: a running server is asked, and its answer shown."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from gsubmit.settings.problem import SettingsError
from gsubmit.watch.client import NoAnswer, ask
from gsubmit.watch.lines import Object
from gsubmit_cli.config import base_dir_from, config_option
from gsubmit_cli.table import counted, duration, octets, table

json_option = click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each line.")


@click.command()
@config_option
@json_option
@click.argument("filters", nargs=-1, metavar="[USER|ADDRESS|SESSION]...")
def who(path: Path, as_json: bool, filters: tuple[str, ...]) -> None:
    """Show the sessions of a running server, or those that all of the filters fit.

    A user may have * and ? for other characters, an address may be a network.
    """
    sessions = asked(path, {"command": "who", "filters": filters})
    _show_sessions(sessions, as_json, _of_users(sessions))


@click.command()
@config_option
@json_option
@click.argument("filter_", metavar="USER|ADDRESS|SESSION")
def kick(path: Path, as_json: bool, filter_: str) -> None:
    """End the sessions of a user or an address, or a session by its id.

    A message that the relay may have is answered first. Exit code 1 when there is no such session.
    """
    sessions = asked(path, {"command": "kick", "filter": filter_})
    if not sessions:
        click.echo(f"nobody to kick: {filter_}", err=True)
        sys.exit(1)
    later = sum(session["is_later"] for session in sessions)
    _show_sessions(sessions, as_json, f"{_of_users(sessions)} kicked" + (f", {later} after a message" if later else ""))


@click.command()
@config_option
@json_option
@click.argument("action", type=click.Choice(["clear"]), required=False, metavar="[clear")
@click.argument("address", required=False, default="", metavar="ADDRESS|all]")
def penalty(path: Path, as_json: bool, action: str | None, address: str) -> None:
    """Show which networks have to wait after failed logins, or let one of them, or all, wait no longer.

    Exit code 1 when there was nothing to clear.
    """
    if action and not address:
        raise click.UsageError("clear needs an address, or all")
    networks = asked(path, {"command": "penalty", "clear": address})
    if not networks and action:
        click.echo(f"no penalty: {address}", err=True)
        sys.exit(1)
    if as_json:
        print_json(networks)
        return
    rows = [
        (one["network"], str(one["level"]), duration(one["seconds_left"]), one["user"])
        for one in sorted(networks, key=lambda one: (-one["level"], one["network"]))
    ]
    what = counted(len(networks), "network")
    click.echo(table(("NETWORK", "LEVEL", "LEFT", "USER"), rows, f"{what} cleared" if action else what))


def asked(path: Path, request: Object) -> list[Object]:
    """The answer, or the end; what there is to say of it is said. Raises SystemExit."""
    try:
        answer = ask(base_dir_from(path), request)
    except (NoAnswer, SettingsError) as error:
        click.echo(str(error), err=True)
        sys.exit(os.EX_UNAVAILABLE if isinstance(error, NoAnswer) else os.EX_CONFIG)
    for one in answer:
        if "warning" in one:
            click.echo(f"warning: {one['warning']}", err=True)
    return [one for one in answer if "warning" not in one]


def _show_sessions(sessions: list[Object], as_json: bool, last: str) -> None:
    sessions = sorted(sessions, key=lambda one: (one["user"] or "", one["address"], one["since"], one["id"]))
    if as_json:
        print_json(sessions)
        return
    rows = [
        (
            one["user"] or "-",
            one["address"],
            duration(one["seconds"]),
            duration(one["idle"]),
            one["state"],
            octets(one["octets_in"]),
            octets(one["octets_out"]),
            (one["tls"] or "-").removeprefix("TLSv"),
            one["relay"] or one["backend"] or "-",
            one["id"],
        )
        for one in sessions
    ]
    heads = ("USER", "ADDRESS", "AGE", "IDLE", "STATE", "IN", "OUT", "TLS", "RELAY", "SESSION")
    click.echo(table(heads, rows, last))


def _of_users(sessions: list[Object]) -> str:
    users = {one["user"] for one in sessions if one["user"] is not None}
    return f"{counted(len(sessions), 'session')} of {counted(len(users), 'user')}"


def print_json(objects: list[Object]) -> None:
    """An object for each line."""
    for one in objects:
        click.echo(json.dumps(one))
