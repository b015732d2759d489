"""`gsubmit hash-password`: makes of a password what stands in a passwd-file, and compares the two."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import NoReturn

import click

from gsubmit.auth.schemes.scheme import SchemeError
from gsubmit.auth.schemes.stored import choose, hash_password, parse
from gsubmit.auth.schemes.table import SCHEMES, WEAK
from gsubmit_cli.password import asked

DEFAULT_SCHEME = "ARGON2ID"
TEST_SCHEME = "CRYPT"  # of a hash without one, as in a passwd-file


@click.command("hash-password")
@click.option("-s", "--scheme", help=f"What to make, perhaps with .b64 or .hex behind it.  [default: {DEFAULT_SCHEME}]")
@click.option("-r", "--rounds", type=int, help="How long it is to take; the unit depends on the scheme, see -l.")
@click.option("-u", "--user", default="", help="Whose password it is; DIGEST-MD5 needs to know.")
@click.option("-t", "--test", "tested", metavar="HASH", help="Say whether HASH was made of the password.")
@click.option("-l", "--list", "only_list", is_flag=True, help="List the schemes.")
@click.argument("arguments", nargs=-1, metavar="")
@click.pass_context
def hash_password_command(
    context: click.Context,
    scheme: str | None,
    rounds: int | None,
    user: str,
    tested: str | None,
    only_list: bool,
    arguments: tuple[str, ...],
) -> None:
    """Make what is stored of a password, for a passwd-file or a database, or test it.

    The password is asked for without echo, or read from the standard input, one line, where that is no terminal.
    Exit code 0; 1 when -t does not verify; 64 when something is wrong with the arguments or the password.
    """
    if arguments:  # which are not repeated
        raise click.UsageError("a password is never an argument, for all users of this machine see those")
    if only_list:
        for line in _listed():
            click.echo(line)
    elif tested is None:
        click.echo(_made(scheme or DEFAULT_SCHEME, rounds, user))
    elif scheme is not None or rounds is not None:
        _refuse("-t goes neither with -s nor with -r")
    else:
        is_right = _verified(tested, user)
        click.echo("verified" if is_right else "not verified")
        context.exit(os.EX_OK if is_right else 1)


def _listed() -> Iterator[str]:
    for name, scheme in SCHEMES.items():
        remark = "weak" if name in WEAK else ""
        if scheme.rounds is not None:
            remark = f"rounds {scheme.rounds.least} to {scheme.rounds.most}, default {scheme.rounds.default}"
        yield f"{name:14}{remark}".rstrip()


def _made(scheme: str, rounds: int | None, user: str) -> str:
    try:
        choose(scheme, rounds)  # before the question
        made = hash_password(scheme, _password(confirm=True), rounds, user)
    except ValueError as error:
        _refuse(str(error))
    _warn_of_weakness(parse(made, TEST_SCHEME).is_weak)
    return made


def _verified(tested: str, user: str) -> bool:
    try:
        stored = parse(tested, TEST_SCHEME)
        is_right = stored.matches(_password(confirm=False), user)
    except SchemeError as error:
        _refuse(str(error))
    _warn_of_weakness(stored.is_weak)
    return is_right


def _password(*, confirm: bool) -> str:
    """As it is typed twice or once, or the first line of the standard input."""
    try:
        return asked("Password", confirm=confirm).decode("utf-8")
    except UnicodeDecodeError:  # it would show the password
        _refuse("the password is not UTF-8")


def _warn_of_weakness(is_weak: bool) -> None:
    if is_weak:
        click.echo("warning: this scheme is weak and needs auth_allow_weak_schemes = yes", err=True)


def _refuse(reason: str) -> NoReturn:
    click.echo(f"gsubmit hash-password: {reason}", err=True)
    sys.exit(os.EX_USAGE)
