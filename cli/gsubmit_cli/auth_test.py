"""`gsubmit auth-test`: asks the passdbs about a user as the server would, and shows what each of them says."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gsubmit.auth.chain import Chain, build_chain
from gsubmit.auth.passdb import Origin, Unavailable
from gsubmit.proxy.target import BadTarget, target_of
from gsubmit.sasl.claims import Claim, Cleartext, Denied, Elsewhere, Identity, Token
from gsubmit.senders.addresses import read_address
from gsubmit.senders.loginmap import BadMap
from gsubmit.senders.senders import Senders
from gsubmit.settings.problem import SettingsError
from gsubmit.settings.senders import SenderSettings
from gsubmit.smtp.address import Address, BadAddress
from gsubmit_cli.config import config_option, loaded_from
from gsubmit_cli.password import asked

TOKEN_MECHANISMS = ("OAUTHBEARER", "XOAUTH2")


def _addresses(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[Address, ...]:
    """Mailboxes, with angle brackets or without."""
    try:
        return tuple(read_address(value.removeprefix("<").removesuffix(">")) for value in values)
    except BadAddress as error:
        raise click.BadParameter(f"{error}") from None


@click.command("auth-test")
@click.argument("user")
@config_option
@click.option("-a", "--authorization-id", default="", help="Log in for this user, with USER's password.")
@click.option(
    "-m", "--mechanism", type=click.Choice(["PLAIN", "LOGIN", *TOKEN_MECHANISMS], case_sensitive=False),
    default="PLAIN", show_default=True,
    help="Mechanism to show to the passdbs; with an OAuth mechanism the password is a token.",
)  # fmt: skip
@click.option("--remote-ip", default="127.0.0.1", show_default=True, help="Address to log in from.")
@click.option(
    "--sender", "senders", metavar="ADDRESS", multiple=True, callback=_addresses,
    help="Address to send from: say whether it is the user's, and by which rule. May be given several times.",
)  # fmt: skip
@click.pass_context
def auth_test(
    context: click.Context,
    user: str,
    path: Path,
    authorization_id: str,
    mechanism: str,
    remote_ip: str,
    senders: tuple[Address, ...],
) -> None:
    """Ask the passdbs whether USER may log in, and show the way to their answer.

    The password is asked for, or read from the standard input if that is no terminal. Exit code 0 when the login
    succeeds, 77 when it is denied or a sender is not the user's, 75 when that cannot be found out now, 1 when the
    configuration has errors.
    """
    try:
        settings = loaded_from(path).settings
        chain = build_chain(settings)
    except SettingsError as error:
        click.echo(str(error), err=True)
        context.exit(1)
    mechanism = mechanism.upper()
    secret = os.fsdecode(asked("Token" if mechanism in TOKEN_MECHANISMS else "Password"))
    if not secret:  # the server asks nobody about it
        click.echo(f"{authorization_id or user}: auth failed: empty password")
        context.exit(os.EX_NOPERM)
    kind = Token if mechanism in TOKEN_MECHANISMS else Cleartext
    claim = kind(user, secret, authorization_id=authorization_id)
    origin = Origin(mechanism=mechanism, remote_ip=remote_ip, local_ip=remote_ip, secured=True)
    code, identity = _ask(chain, claim, origin)
    if senders and identity is not None:
        code = _show_senders(settings.submission.senders, identity, senders)
    context.exit(code)


def _show_senders(settings: SenderSettings, identity: Identity, senders: tuple[Address, ...]) -> int:
    """Say of each whether it is the user's; the exit code."""
    try:
        rules = Senders(settings)
    except BadMap as error:
        click.echo(str(error), err=True)
        return 1
    if settings.submission_sender_check == "no":
        click.echo("submission_sender_check = no: senders are not looked at")
    found = [rules.rule(identity, address) for address in senders]
    for address, rule in zip(senders, found, strict=True):
        click.echo(f"sender {address}: {f'allowed by {rule}' if rule else 'not allowed'}")
    return os.EX_OK if all(found) else os.EX_NOPERM


def _ask(chain: Chain, claim: Claim, origin: Origin) -> tuple[int, Identity | None]:
    """Show how the passdbs answer; the exit code, and who it is if the login succeeds."""
    who = claim.authorization_id or claim.authentication_id
    try:
        verdict = chain.verify(claim, origin, lambda passdb, answer: click.echo(f"{passdb}: {answer}"))
        target = target_of(verdict.identity) if isinstance(verdict, Elsewhere) else None
    except Denied as denied:
        click.echo(f"{who}: auth failed: {denied.reason}")
        return os.EX_NOPERM, None
    except (Unavailable, BadTarget) as failed:
        click.echo(f"{who}: auth failed temporarily: {getattr(failed, 'reason', failed)}")
        return os.EX_TEMPFAIL, None
    _show(who, verdict.identity)
    if target is not None:
        click.echo(f"the login goes on at {target.place} as {target.user}, which has the last word")
    return os.EX_OK, verdict.identity


def _show(who: str, identity: Identity) -> None:
    click.echo(f"{who}: auth succeeded")
    click.echo("extra fields:")
    fields = {"user": identity.user} | dict(identity.fields)
    if identity.master_user:
        fields["master_user"] = identity.master_user
    for name, value in fields.items():
        click.echo(f"  {name}={'<hidden>' if name.startswith('pass') else value}")
