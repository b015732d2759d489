"""`gsubmit sieve-check` and `gsubmit sieve-test`: whether scripts are right, and what one does with a message."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import click

from gsubmit.scripts.deeds import deeds_of
from gsubmit.scripts.environment import items
from gsubmit.scripts.scripts import Scripts
from gsubmit.scripts.trial import HeaderTooLong, Tried, try_script
from gsubmit.settings.problem import SettingsError
from gsubmit.settings.senders import SenderSettings
from gsubmit.settings.sieve import SieveSettings
from gsubmit.sieve.errors import SieveError
from gsubmit.sieve.mail import World
from gsubmit.sieve.script import Script
from gsubmit_cli.config import PATH, loaded_from

FILE = click.Path(path_type=Path)
_config_option = click.option(
    "-c", "--config", type=PATH, help="A configuration whose limits and other settings of scripts hold."
)


class _Rules(NamedTuple):
    """What a configuration says of scripts."""

    scripts: Scripts
    delimiters: str
    hostname: str
    needs_full_domains: bool = False


def _rules(context: click.Context, config: Path | None, *, is_traced: bool = False) -> _Rules:
    """Those of a configuration, or those that hold where nothing is said."""
    if config is None:
        scripts = Scripts(SieveSettings(), has_mailboxes=True, is_traced=is_traced)
        return _Rules(scripts, SenderSettings().recipient_delimiter, "localhost")
    try:
        settings = loaded_from(config).settings
        sieve, has_mailboxes = settings.submission.sieve, settings.sent.server is not None
        scripts = Scripts(sieve, has_mailboxes=has_mailboxes, is_traced=is_traced)
        return _Rules(
            scripts,
            settings.submission.senders.recipient_delimiter,
            settings.server.hostname,
            settings.fixups.submission_refuse_single_label,
        )
    except (SettingsError, OSError) as error:
        click.echo(str(error), err=True)
        context.exit(os.EX_CONFIG)


def _compiled(scripts: Scripts, path: Path) -> Script | None:
    """The script, or None when something was wrong with it, which is told."""
    try:
        script = scripts.cache.script(str(path))
    except SieveError as error:
        click.echo(str(error))
        return None
    if script is None:
        click.echo(f"{path}: there is no such file")
    for problem in script.missing if script is not None else ():
        click.echo(f"{problem}: an error for a message for which it is included")
    return script


@click.command("sieve-check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FILE)
@_config_option
@click.pass_context
def sieve_check(context: click.Context, files: Sequence[Path], config: Path | None) -> None:
    """Compile Sieve scripts for outgoing mail, and show what is wrong with them, each with its line.

    Exit code 0 when all are right, 1 when not, 78 when the configuration has errors.
    """
    scripts = _rules(context, config).scripts
    are_right = [_compiled(scripts, path) is not None for path in files]
    context.exit(0 if all(are_right) else 1)


@click.command("sieve-test")
@click.argument("file", type=FILE)
@click.argument("message", type=click.File("rb"))
@_config_option
@click.option("--user", default="user@example.org", show_default=True, help="Who has logged in.")
@click.option(
    "--from", "sender", metavar="ADDRESS", help="The reverse-path; empty is the null one.  [default: the user]"
)
@click.option(
    "--to", "recipients", metavar="ADDRESS", multiple=True,
    help="A recipient; may be given more than once.  [default: To, Cc and Bcc]",
)  # fmt: skip
@click.option("--administrator", is_flag=True, help="It is an administrator's script, and may change From and Sender.")
@click.option("--trace", is_flag=True, help="Show each step with its line.")
@click.pass_context
def sieve_test(
    context: click.Context, file: Path, message: BinaryIO, config: Path | None, user: str, sender: str | None,
    recipients: Sequence[str], administrator: bool, trace: bool,
) -> None:  # fmt: skip
    """Run the Sieve script FILE on a MESSAGE (a file, or - for the standard input), and show what would become of it.

    Exit code 0, 1 when the script has errors or fails, 78 when the configuration has errors.
    """
    rules = _rules(context, config, is_traced=trace)
    script = _compiled(rules.scripts, file)
    if script is None:
        context.exit(1)
    world = _world(rules, user, user if sender is None else sender, recipients)
    world.trace = _step if trace else None
    try:
        needs_full_domains = rules.needs_full_domains and not administrator
        tried = try_script(
            script, message.read(), world, needs_full_domains=needs_full_domains, may_change_authors=administrator
        )
    except HeaderTooLong:
        click.echo("the header of the message is too long: the server refuses it")
        context.exit(1)
    except SieveError as error:
        click.echo(str(error))
        click.echo("the script has failed, and nothing of what it asked for is done")
        context.exit(1)
    for line in _told(tried):
        click.echo(_printable(line))


def _world(rules: _Rules, user: str, sender: str, recipients: Sequence[str]) -> World:
    return World(
        sender=sender,
        recipients=recipients,
        login=user,
        delimiters=rules.delimiters,
        items=items(user, rules.hostname, "127.0.0.1"),
        variables=rules.scripts.variables,
        say=lambda text: click.echo(_printable(f"log: {text}")),
    )


def _step(script: str, line: int, text: str) -> None:
    click.echo(_printable(f"{script}:{line}: {text}"))


def _told(tried: Tried) -> Iterator[str]:
    """What would be done, in lines."""
    deeds = deeds_of(tried.result)
    if deeds.refusal is not None:
        yield from (f"refused: 550 5.7.1 {line}" for line in deeds.refusal.splitlines() or [""])
        return
    if deeds.discards:
        yield "discarded: it is relayed to nobody, and the client hears that it was taken"
    if deeds.reaches_recipients:
        yield from (f"relayed to: {one}" for one in tried.recipients)
    how = "in addition" if deeds.reaches_recipients else "instead of the recipients"
    yield from (f"relayed to: {one} ({how})" for one in deeds.added)
    for copy in deeds.copies:
        created = ", which is made if it is not there" if copy.creates else ""
        use = f" (or the mailbox with {copy.use})" if copy.use else ""
        yield f"copy in: {copy.mailbox or 'Sent, if there is one'}{use}{_with(copy.flags)}{created}"
    if tried.header:
        yield "the header as it goes out:"
        yield from (f"  {line}" for line in tried.header.decode("utf-8", "replace").splitlines() if line)


def _with(flags: Sequence[str]) -> str:
    return f" with {' '.join(flags)}" if flags else ""


def _printable(text: str) -> str:
    """Without what a terminal would obey: scripts and messages may be others'."""
    return "".join(character if character.isprintable() else "?" for character in text)
