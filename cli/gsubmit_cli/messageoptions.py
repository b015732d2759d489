"""The message of `gsubmit send-test`, as options ask for it: made here, or read from a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gsubmit.settings.kinds import size as size_kind
from gsubmit_cli.password import octets_of
from gsubmit_cli.probe.message import Message

MAX_SIZE = 2**30  # octets; the message is made in memory
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FILE_OR_STDIN = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
_Command = TypeVar("_Command", bound=Callable[..., Any])


def _size(text: str) -> int:
    """Octets, as sizes are written in settings: `30M` are 30 times 2**20."""
    try:
        octets = size_kind.read(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no size such as 30M, 500k, or a number of bytes") from None
    if not 0 < octets <= MAX_SIZE:
        raise click.BadParameter(f"{text} is not between 1 and {MAX_SIZE >> 30}G")
    return octets


_OPTIONS = (
    click.option("--subject", default="gsubmit send-test", show_default=True, help="Subject of the message made."),
    click.option("--size", metavar="BYTES", type=_size, help="Pad the message made to this size, such as 30M."),
    click.option("--attach", metavar="FILE", type=FILE, multiple=True, help="Attach this file; may be repeated."),
    click.option("--header", metavar="LINE", multiple=True, help="'Name: value' to add or replace; may be repeated."),
    click.option(
        "--file", metavar="FILE", type=FILE_OR_STDIN, help="Send this message (-: stdin). Bare LF becomes CRLF."
    ),
)


def message_options(command: _Command) -> _Command:
    """A command with these options, in this order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def message_of(
    sender: str, recipients: list[str], *, subject: str, size: int | None, file: Path | None, header: tuple[str, ...],
    attach: tuple[Path, ...], **_others: Any,
) -> Message:  # fmt: skip
    """The message of --file, or one that is made."""
    if file:
        message = Message.of_octets(sys.stdin.buffer.read() if str(file) == "-" else octets_of(file))
    else:
        message = Message.generated(sender, recipients, subject, size, {path.name: octets_of(path) for path in attach})
    try:
        return message.with_header(header) if header else message
    except ValueError as error:
        raise click.UsageError(f"--header: {error}") from error
