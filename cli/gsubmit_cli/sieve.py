"""`gsubmit sieve-check` and `gsubmit sieve-test`: whether scripts are right, and what one does with a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import click

from gsubmit.scripts.trial import HeaderTooLong, Tried, try_script
from gsubmit.sieve.errors import Problem, SieveError
from gsubmit.sieve.limits import Limits
from gsubmit.sieve.result import FileInto, Keep, Redirect, Reject, Result
from gsubmit.sieve.script import Script, compile_script

LIMITS = Limits()
FILE = click.Path(path_type=Path)


class _Folder:
    """A script, and those beside it, which it may include."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._included: dict[str, Path] = {}

    def compiled(self, *, is_traced: bool = False) -> Script:
        """Raises SieveError, OSError."""
        text = _read(self._path)
        return compile_script(text, str(self._path), limits=LIMITS, find=self._find, is_traced=is_traced)

    def _find(self, name: str, is_global: bool) -> bytes | None:
        path = self._path.parent / f"{name}.sieve"
        if is_global or not path.is_file():
            return None
        self._included[name] = path
        return _read(path)

    def place(self, script: str) -> str:
        """The file of a script that an error is about."""
        return str(self._included.get(script, script))

    def told(self, problems: Sequence[Problem]) -> Iterator[str]:
        """`FILE:LINE: text` for each."""
        for problem in problems:
            yield _printable(str(problem._replace(script=self.place(problem.script))))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LIMITS.script_size + 1)


def _compiled(folder: _Folder, path: Path, *, is_traced: bool = False) -> Script | None:
    """The script, or None when something was wrong with it, which is told."""
    try:
        return folder.compiled(is_traced=is_traced)
    except SieveError as error:
        click.echo("\n".join(folder.told(error.problems)))
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
    are_right = [_compiled(_Folder(path), path) is not None for path in files]
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
    folder = _Folder(file)
    script = _compiled(folder, file, is_traced=trace)
    if script is None:
        context.exit(1)

    def step(name: str, line: int, text: str) -> None:
        click.echo(_printable(f"{folder.place(name)}:{line}: {text}"))

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
        click.echo("\n".join(folder.told(error.problems)))
        click.echo("the script has failed, and nothing of what it asked for is done")
        context.exit(1)
    for line in _told(tried):
        click.echo(_printable(line))


def _told(tried: Tried) -> Iterator[str]:
    """What would be done, in lines."""
    result = tried.result
    for action in result.actions:
        if isinstance(action, Reject):
            yield from (f"refused: 550 5.7.1 {line}" for line in action.text.splitlines() or [""])
            return
    redirects = [action.address for action in result.actions if isinstance(action, Redirect)]
    files = [action for action in result.actions if isinstance(action, FileInto)]
    is_sent = result.keeps or any(not action.is_copy for action in files)
    if is_sent or not redirects:
        yield from (f"relayed to: {one}" for one in tried.recipients if is_sent)
        yield from (f"relayed to: {one} (in addition)" for one in redirects)
    else:
        yield from (f"relayed to: {one} (instead of the recipients)" for one in redirects)
    if not is_sent and not redirects:
        yield "discarded: it is relayed to nobody, and the client hears that it was taken"
    yield from _copies(result, files)
    if tried.header:
        yield "the header as it goes out:"
        yield from (f"  {line}" for line in tried.header.decode("utf-8", "replace").splitlines() if line)


def _copies(result: Result, files: Sequence[FileInto]) -> Iterator[str]:
    """Where the sender's own copies go."""
    flags = next((action.flags for action in result.actions if isinstance(action, Keep)), result.flags)
    for action in files:
        created = ", which is made if it is not there" if action.create else ""
        use = f" (or the mailbox with {action.special_use})" if action.special_use else ""
        yield f"copy in: {action.mailbox}{use}{_with(action.flags)}{created}"
    if result.keeps:
        yield f"copy in: Sent, if there is one{_with(flags)}"


def _with(flags: Sequence[str]) -> str:
    return f" with {' '.join(flags)}" if flags else ""


def _printable(text: str) -> str:
    """Without what a terminal would obey: scripts and messages may be others'."""
    return "".join(character if character.isprintable() else "?" for character in text)
