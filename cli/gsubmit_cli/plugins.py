"""`gsubmit plugins`: which there are; `gsubmit plugins try`: one of them and a message, without a server."""

from __future__ import annotations

import difflib
import os
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import click

from gsubmit.plugins.loader import CannotLoad, check_plugins, class_of, installed
from gsubmit.plugins.plugin import moments_of
from gsubmit.plugins.testing import Played, play
from gsubmit.settings.load import Loaded
from gsubmit.settings.plugins import PluginSettings
from gsubmit.settings.problem import Report, SettingsError
from gsubmit.smtp.address import BadAddress
from gsubmit_cli.config import PATH, config_option, loaded_from


@click.group("plugins", invoke_without_command=True)
@config_option
@click.pass_context
def plugins(context: click.Context, path: Path) -> None:
    """Show the plugins that are installed, those that the configuration names, and when each is asked.

    Exit code 0, or 78 when the configuration has errors, or a plugin cannot be loaded.
    """
    context.obj = path
    if context.invoked_subcommand is not None:
        return
    loaded = _loaded(context, path)
    configured = loaded.settings.submission.plugins.blocks
    click.echo("configured, in the order in which they are asked:" if configured else "no plugin is configured")
    for settings in configured:
        _show(settings.name, settings.path or "installed", settings)
    click.echo("installed:")
    for name, entry in sorted(installed().items()):
        _show(name, entry.value, PluginSettings(name))
    report = Report()
    check_plugins(configured, report)
    for problem in report.problems:
        click.echo(str(problem), err=True)
    context.exit(os.EX_CONFIG if report.problems else os.EX_OK)


def _show(name: str, where: str, settings: PluginSettings) -> None:
    try:
        kind = class_of(settings)
    except CannotLoad as error:
        click.echo(f"  {name} ({where}): cannot be loaded: {error}")
        return
    click.echo(f"  {name} ({where}): {' '.join(moments_of(kind)) or 'never asked'}")


@plugins.command("try")
@click.argument("name")
@click.argument("message", type=click.File("rb"))
@click.option("--user", default="user@example.org", show_default=True, help="Who has logged in.")
@click.option(
    "--sender", default="user@example.org", show_default=True, help="The reverse-path; empty is the null one."
)
@click.option(
    "--recipient", "recipients", multiple=True, default=["recipient@example.net"], show_default=True,
    help="A recipient; may be given more than once.",
)  # fmt: skip
@click.option("-c", "--config", "path", type=PATH, help="As for gsubmit plugins.")
@click.pass_context
def try_plugin(
    context: click.Context, name: str, message: BinaryIO, user: str, sender: str,
    recipients: Sequence[str], path: Path | None,
) -> None:  # fmt: skip
    """Play a MESSAGE (a file, or - for the standard input) through the plugin NAME, and show what it makes of it.

    NAME is one that the configuration names, or an installed one, with no settings then. Exit code 0 when the message
    goes on, 69 when the plugin refuses it, 70 when it fails, 78 when it cannot be loaded, 65 for a bad address.
    """
    octets = message.read()
    loaded = _loaded(context, path or context.obj)
    wanted = {one.name: one for one in loaded.settings.submission.plugins.blocks}.get(name) or PluginSettings(name)
    report = Report()
    found = check_plugins([wanted], report)
    if report.problems:
        click.echo("\n".join(map(str, report.problems)), err=True)
        context.exit(os.EX_CONFIG)
    relays = [one.name for one in loaded.settings.submission.plugins.relays]
    try:
        played = play(found.all[0].plugin, octets, user=user, sender=sender, recipients=recipients, relays=relays)
    except BadAddress as error:
        click.echo(f"bad address: {error}", err=True)
        context.exit(os.EX_DATAERR)
    except (Exception, SystemExit) as error:
        click.echo(f"{name} failed:\n{''.join(traceback.format_exception(error))}", err=True)
        context.exit(os.EX_SOFTWARE)
    for line in _told(octets, sender, recipients, played):
        click.echo(line)
    context.exit(os.EX_UNAVAILABLE if played.reply is not None else os.EX_OK)


def _loaded(context: click.Context, path: Path) -> Loaded:
    try:
        return loaded_from(path)
    except SettingsError as error:
        click.echo(str(error), err=True)
        context.exit(os.EX_CONFIG)


def _told(octets: bytes, sender: str, recipients: Sequence[str], played: Played) -> Iterator[str]:
    """What has become of the message, in lines."""
    if played.reply is not None:
        yield f"refused at {played.moment}: {played.reply}"
        return
    if played.sender != sender:
        yield f"sender: <{sender}> -> <{played.sender}>"
    yield from (f"recipient refused: <{one}>: {reply}" for one, reply in played.refused)
    yield from (f"recipient added: <{one}>" for one in played.recipients if one not in recipients)
    gone = {one for one, _ in played.refused} | set(played.recipients)
    yield from (f"recipient removed: <{one}>" for one in recipients if one not in gone)
    if played.handling.relay:
        yield f"relay: {played.handling.relay}"
    if played.handling.sent_mailbox:
        yield f"mailbox for the copy: {played.handling.sent_mailbox}"
    before, after = (text.decode("utf-8", "replace").splitlines() for text in (octets, played.message))
    changes = list(difflib.unified_diff(before, after, "before", "after", lineterm=""))
    yield from changes or ["the message stays as it is"]
