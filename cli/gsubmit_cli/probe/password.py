"""Where passwords come from: a file, the environment or the terminal, never an argument."""

from __future__ import annotations

import os
from pathlib import Path

import click


def password_of(user: str, file: Path | None, option: str, variable: str) -> bytes:
    """The password of a user. `option` is the one that `file` came with. Raises click.UsageError."""
    if file:
        password = octets_of(file).partition(b"\n")[0].removesuffix(b"\r")
    elif variable in os.environ:
        password = os.fsencode(os.environ[variable])
    else:
        try:
            prompted: str = click.prompt(f"Password of {user}", hide_input=True, err=True)
        except click.Abort as error:
            raise click.UsageError(f"no password: give {option}, or set {variable}") from error
        password = os.fsencode(prompted)
    if not password or b"\0" in password:
        raise click.UsageError("the password is empty, or has a NUL in it")  # RFC 4616 2
    return password


def octets_of(path: Path) -> bytes:
    """What is in a file. Raises click.UsageError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from error
