"""`gsubmit sieve-check` and `gsubmit sieve-test`: whether scripts are right, and what one does with a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import click

from gsubmit.scripts.cache import read_script
from gsubmit.scripts.deeds import deeds_of
from gsubmit.scripts.places import included
from gsubmit.scripts.trial import HeaderTooLong, Tried, try_script
from gsubmit.sieve.errors import Problem, SieveError
from gsubmit.sieve.limits import Limits
from gsubmit.sieve.script import Script, Source, compile_script

LIMITS = Limits()
FILE = click.Path(path_type=Path)


def _compiled(path: Path, *, is_traced: bool = False) -> Script | None:
    """The script, or None when something was wrong with it, which is told."""

    def find(name: str, is_global: bool) -> Source | None:
        there = "" if is_global else included(name, str(path.parent))
        text = read_script(there, LIMITS.script_size) if there else None
        return None if text is None else Source(there, text)

    try:
        text = read_script(str(path), LIMITS.script_size)
        if text is None:
            raise SieveError(Problem(str(path), 0, "there is no such file"))
        return compile_script(text, str(path), limits=LIMITS, find=find, is_traced=is_traced)
    except SieveError as error:
        click.echo(str(error))
    except OSError as error:
        click.echo(f"{path}: {error.strerror}")
    return None


@click.command("sieve-check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FILE)
@click.pass_context
def sieve_check(context: click.Context, files: Sequence[Path]) -> None:
    """Compile Sieve scripts for outgoing mail, and show what is wrong with them, each with its line.

    Exit code 0 when all are right, else 1.
    """
    are_right = [_compiled(path) is not None for path in files]
    context.exit(0 if all(are_right) else 1)


@click.command("sieve-test")
@click.argument("file", type=FILE)
@click.argument("message", type=click.File("rb"))
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
    context: click.Context, file: Path, message: BinaryIO, user: str, sender: str | None,
    recipients: Sequence[str], administrator: bool, trace: bool,
) -> None:  # fmt: skip
    """Run the Sieve script FILE on a MESSAGE (a file, or - for the standard input), and show what would become of it.

    Exit code 0, or 1 when the script has errors or fails.
    """
    script = _compiled(file, is_traced=trace)
    if script is None:
        context.exit(1)

    def step(name: str, line: int, text: str) -> None:
        click.echo(_printable(f"{name}:{line}: {text}"))

    try:
        tried = try_script(
            script,
            message.read(),
            user=user,
            sender=sender,
            recipients=recipients,
            may_change_authors=administrator,
            say=lambda text: click.echo(_printable(f"log: {text}")),
            trace=step if trace else None,
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
