"""`gsubmit sent`: the messages in the folder of those that are not settled in Sent."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from gsubmit.auth.drivers import KNOWN
from gsubmit.sent.folder import Folder, Waiting
from gsubmit.settings.load import load
from gsubmit.settings.problem import SettingsError
from gsubmit.watch.lines import Object
from gsubmit_cli.config import config_option
from gsubmit_cli.table import counted, duration, octets, table
from gsubmit_cli.watch import json_option, print_json

_HEADS = ("USER", "MAILBOX", "SIZE", "AGE", "NEXT", "STATE", "ERROR", "MESSAGE")


@click.command()
@config_option
@json_option
def sent(path: Path, as_json: bool) -> None:
    """Show the messages whose copy in Sent is not settled: not stored yet, stored and to be looked after, or lost.

    They are read from submission_sent_retry_dir; no server needs to run.
    """
    try:
        folder = load(path, KNOWN).settings.sent.submission_sent_retry_dir
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(os.EX_CONFIG)
    if not folder:
        click.echo("submission_sent_retry_dir is not set: copies are in memory only", err=True)
        sys.exit(os.EX_CONFIG)
    try:
        waiting = [_object(one) for one in Folder(folder).all()]
    except OSError as error:
        click.echo(f"{folder}: {error.strerror}", err=True)
        sys.exit(os.EX_NOINPUT)
    if as_json:
        print_json(waiting)
        return
    click.echo(table(_HEADS, [_row(one) for one in waiting], counted(len(waiting), "message")))


def _object(one: Waiting) -> Object:
    record = one.record
    facts: Object = {"name": one.name, "state": "lost", "next": None}
    if not one.is_lost:
        facts |= {"state": "stored" if record is not None and record.is_stored else "waiting", "next": one.due}
    if record is None:
        return facts | {"error": "cannot be read"}
    mailbox = record.place.mailbox if record.place is not None else record.wish.mailbox
    facts |= {"id": record.id, "user": record.user, "mailbox": mailbox or None, "size": record.size}
    facts |= {"message_id": record.marks.message_id or None, "arrival": record.arrival, "tries": record.tries}
    return facts | {"error": record.error or None}


def _row(one: Object) -> tuple[str, ...]:
    if "id" not in one:
        return "-", "-", "-", "-", "-", one["state"], one["error"], one["name"]
    due = "-" if one["next"] is None else duration(max(0.0, one["next"] - time.time()))
    age = duration(max(0.0, time.time() - one["arrival"]))
    shown = (one["user"], one["mailbox"] or "-", octets(one["size"]), age, due, one["state"], one["error"] or "-")
    return *shown, one["name"]
