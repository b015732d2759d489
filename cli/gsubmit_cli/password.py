"""Where passwords come from: a file, the environment, the standard input or the terminal, never an argument."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


def asked(what: str, *, confirm: bool = False) -> bytes:
    """As it is typed without echo, twice to confirm it; without a terminal the first line of the standard input."""
    if sys.stdin.isatty():
        return _prompted(what, confirm=confirm)
    return sys.stdin.buffer.readline().removesuffix(b"\n").removesuffix(b"\r")


def password_of(user: str, file: Path | None, option: str, variable: str) -> bytes:
    """The password of a user. `option` is the one that `file` came with. Raises click.UsageError."""
    if file:
        password = octets_of(file).partition(b"\n")[0].removesuffix(b"\r")
    elif variable in os.environ:
        password = os.fsencode(os.environ[variable])
    else:
        password = asked(f"Password of {user}")
        if not password:
            raise click.UsageError(f"no password: give {option}, set {variable}, or write it to the standard input")
    if not password or b"\0" in password:
        raise click.UsageError("the password is empty, or has a NUL in it")  # RFC 4616 2
    return password


def _prompted(what: str, *, confirm: bool = False) -> bytes:
    return os.fsencode(click.prompt(what, hide_input=True, confirmation_prompt=confirm, err=True))


def octets_of(path: Path) -> bytes:
    """What is in a file. Raises click.UsageError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from error
