"""gsubmit send-test: submit one message and show every step."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gsubmit.sasl.mechanisms import CLIENT_NAMES
from gsubmit.settings.hosts import is_loopback
from gsubmit.settings.problem import SettingsError
from gsubmit_cli.config import CONFIG, PATH
from gsubmit_cli.messageoptions import FILE, message_of, message_options
from gsubmit_cli.password import password_of
from gsubmit_cli.probe.interrupt import interruptible
from gsubmit_cli.probe.probe import Probe, Submission
from gsubmit_cli.probe.report import for_programs, verdict
from gsubmit_cli.probe.sentmail import SentMailbox
from gsubmit_cli.probe.target import IMAP_PORT, SUBMISSION_PORT, TLS_MODES, Target, relay_target, server_target
from gsubmit_cli.probe.transcript import Transcript

PASSWORD = "GSUBMIT_PASSWORD"  # noqa: S105 - its name
IMAP_PASSWORD = "GSUBMIT_IMAP_PASSWORD"  # noqa: S105
MAX_URL = 8192  # characters; a command line of SMTP has fewer
BOLD, DIM = {"bold": True}, {"dim": True}
STYLES: dict[str, dict[str, Any]] = {
    "step": BOLD, "C": {"fg": "cyan"}, "S": {"fg": "green"}, "*": DIM, "took": DIM, "verdict": BOLD,
}  # fmt: skip

_URL = re.compile(r"[!-~]+")

# Options that have no meaning beside another one: the other, and theirs.
EXCLUDES = {
    "relay": ("server", "tls", "ca", "insecure", "user", "password_file", "mechanism", "helo", "timeout", "via_imap"),
    "url": ("file", "size", "bdat", "subject", "via_imap", "header", "attach"),
    "file": ("size", "subject", "attach"),
    "attach": ("size",),
    "as_json": ("quiet",),
    "via_imap": ("bdat",),
}
IMAP_OPTIONS = ("imap_tls", "imap_user", "imap_password_file", "imap_authority", "sent_mailbox")

EXIT_CODES = """\b
Exit codes tell how far it came:
   0  the message was accepted for every recipient
   2  wrong usage, or a file or configuration that cannot be used
  10  no connection            14  MAIL refused
  11  greeting or EHLO failed  15  a recipient was refused
  12  TLS failed               16  the message was refused
  13  login failed            130  interrupted
At the IMAP server of --via-imap:
  20  no connection            23  login failed
  21  greeting failed          24  the message was not stored
  22  TLS failed               25  no URL for the message
"""

SECONDS = click.FloatRange(0, 86400, min_open=True)


@click.command("send-test", epilog=EXIT_CODES)
@click.option("-s", "--server", metavar="HOST[:PORT]", help="The server. Port: 587, or 465 with implicit TLS.")
@click.option("--tls", type=click.Choice(TLS_MODES), help="How TLS starts. Default: starttls; port 465: implicit.")
@click.option("--ca", metavar="FILE", type=FILE, help="Trust the CA certificates in this file only.")
@click.option("--insecure", is_flag=True, help="Take any certificate.")
@click.option("--relay", is_flag=True, help="Talk to the relay of the configuration, as the server does.")
@click.option("-c", "--config", metavar="PATH", type=PATH, default=CONFIG, help=f"For --relay. Default: {CONFIG}.")
@click.option("-u", "--user", metavar="NAME", help="Log in as this user.")
@click.option("--password-file", metavar="FILE", type=FILE, help=f"Password. Else ${PASSWORD}, prompt, or stdin.")
@click.option(
    "--mechanism",
    "--auth",
    "mechanism",
    metavar="MECH",
    type=click.Choice(CLIENT_NAMES, case_sensitive=False),
    help=f"How to log in. Default: the best one offered. {', '.join(CLIENT_NAMES)}: with the last two the password is "
    "a token.",
)
@click.option(
    "-f", "--from", "sender", metavar="ADDRESS", help="Reverse-path. Default: the user, when it is an address."
)
@click.option("-t", "--to", metavar="ADDRESS", multiple=True, help="Recipient; may be repeated. Default as for --from.")
@message_options
@click.option("--bdat", is_flag=True, help="Send with BDAT instead of DATA.")
@click.option(
    "--burl", "url", metavar="URL", default="", help="Submit what this IMAP URL names; -: read it from stdin."
)
@click.option("--via-imap", metavar="HOST[:PORT]", help="Store the message at this IMAP server, and hand in its URL.")
@click.option("--imap-tls", type=click.Choice(TLS_MODES), help="As --tls; port 993: implicit.")
@click.option("--imap-user", metavar="NAME", help="User of the IMAP server. Default: --user.")
@click.option("--imap-password-file", metavar="FILE", type=FILE, help=f"Else ${IMAP_PASSWORD}, or as for --user.")
@click.option("--imap-authority", metavar="HOST[:PORT]", help="Its name in the URL. Default: as in --via-imap.")
@click.option("--sent-mailbox", metavar="NAME", default="Sent", show_default=True, help="Where it is stored.")
@click.option("--helo", metavar="NAME", help="Name to say in EHLO. Default: this host's.")
@click.option("--timeout", metavar="SECONDS", type=SECONDS, default=60.0, help="To wait for an answer. Default: 60.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing unless it fails, and then the last lines only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def send_test(context: click.Context, /, **given: Any) -> None:
    """Submit one message to a mail submission server and show every step.

    Works against any submission server. Each line sent and received is shown with the time since the start; passwords
    are masked. When a step fails, it says what to look at.
    """
    _check(context)
    target = _target(**given)
    context.exit(_send(target, _submission(target, **given), as_json=given["as_json"], quiet=given["quiet"]))


def _send(target: Target, submission: Submission, *, as_json: bool, quiet: bool) -> int:
    """Submit the message; the exit code."""
    terminal = sys.stderr if sys.stderr.isatty() and not quiet else None
    probe = Probe(target, Transcript(None if as_json or quiet else _show, terminal))
    if not as_json and not quiet:
        _show("verdict", f"server    {target}, TLS: {target.tls}")
    with interruptible():
        outcome = probe.run(submission)
    if as_json:
        click.echo(json.dumps(for_programs(probe), indent=2, default=datetime.isoformat))
    elif outcome.failure or not quiet:
        for line in verdict(probe):
            _show("verdict", line)
    return outcome.stage.value


def _check(context: click.Context) -> None:
    """Refuse options that exclude each other, and text that cannot stand in a command."""
    given = {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    flags = {option.name: option.opts[-1] for option in context.command.params}
    for name, others in EXCLUDES.items():
        for other in others:
            if name in given and other in given:
                raise click.UsageError(f"{flags[other]} has no meaning with {flags[name]}")
    if str(given.get("file")) == "-" and "user" in given and not ("password_file" in given or PASSWORD in os.environ):
        raise click.UsageError(f"--file - takes the standard input: give --password-file, or set {PASSWORD}")
    for name in IMAP_OPTIONS:
        if name in given and "via_imap" not in given:
            raise click.UsageError(f"{flags[name]} has no meaning without --via-imap")
    for name, value in given.items():
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and not text.isprintable():
                raise click.UsageError(f"{flags[name]} holds a character that cannot be sent")


def _target(
    *, relay: bool, config: Path, server: str | None, tls: str | None, ca: Path | None, insecure: bool,
    user: str | None, password_file: Path | None, mechanism: str | None, helo: str | None, timeout: float,
    **_others: Any,
) -> Target:  # fmt: skip
    try:
        if relay:
            return relay_target(config)
        if server is None:
            raise click.UsageError("give --server HOST[:PORT], or --relay")
        target = server_target(server, SUBMISSION_PORT, tls, ca, timeout, insecure=insecure)
    except (ValueError, SettingsError) as error:
        raise click.UsageError(str(error)) from error
    return replace(target, user=user, password=_password(user, password_file), mechanism=mechanism, helo=helo)


def _password(user: str | None, file: Path | None) -> bytes:
    """The password of the user: from the file, the environment or the terminal."""
    if user is None:
        if file:
            raise click.UsageError("--password-file needs --user")
        return b""
    return password_of(user, file, "--password-file", PASSWORD)


def _submission(
    target: Target, *, sender: str | None, to: tuple[str, ...], bdat: bool, url: str, **others: Any
) -> Submission:
    user = target.user if target.user and "@" in target.user.strip("@") else None
    sender = _path("--from", sender if sender is not None else user)
    recipients = [_path("--to", recipient) for recipient in to or (user,)]
    if not all(recipients):
        raise click.UsageError("--to must not be empty")
    message = None if url else message_of(sender, recipients, **others)
    sent = _sent_mailbox(target, **others)
    return Submission(sender, tuple(recipients), message, _url_to_submit(url), bdat, sent)


def _url_to_submit(given: str) -> str:
    """The URL of --burl; with `-` the first line of the standard input, which nobody else sees."""
    url = sys.stdin.readline(MAX_URL).strip() if given == "-" else given
    if (given or url) and not _URL.fullmatch(url):
        raise click.UsageError("--burl is not a URL: special characters are written as %XX")
    return url


def _sent_mailbox(
    submission: Target, *, via_imap: str | None, imap_tls: str | None, imap_user: str | None,
    imap_password_file: Path | None, imap_authority: str | None, sent_mailbox: str, ca: Path | None, insecure: bool,
    timeout: float, **_others: Any,
) -> SentMailbox | None:  # fmt: skip
    """Where to put the message before it is submitted there, by the options; None without --via-imap."""
    if via_imap is None:
        return None
    if submission.user is None:
        raise click.UsageError("--via-imap needs --user: BURL is for those who have logged in")
    user = imap_user or submission.user
    try:
        target = server_target(via_imap, IMAP_PORT, imap_tls, ca, timeout, insecure=insecure)
        if target.tls == "none" and not is_loopback(target.host):
            raise ValueError("--imap-tls none shows the password to the network: it is for servers on this machine")
        target = replace(target, user=user, password=_imap_password(user, imap_password_file, submission))
        mailbox = SentMailbox(target, imap_authority or via_imap, sent_mailbox, submission.user)
        mailbox.check()
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return mailbox


def _imap_password(user: str, file: Path | None, submission: Target) -> bytes:
    """The IMAP user's password; of the same user it is the one for the submission server, if no other is given."""
    if user == submission.user and not (file or IMAP_PASSWORD in os.environ):
        return submission.password
    return password_of(f"{user} (IMAP)", file, "--imap-password-file", IMAP_PASSWORD)


def _path(option: str, address: str | None) -> str:
    """The address as it stands between the angle brackets of a command."""
    if address is None:
        raise click.UsageError(f"give {option} ADDRESS: the user is not an address")
    bare = address.removeprefix("<").removesuffix(">")
    if any(letter in "<> " for letter in bare):
        raise click.UsageError(f"{option} {address!r} is not an address")
    return bare


def _show(style: str, text: str) -> None:
    """Print a line; click drops the colours where there is no terminal."""
    look = STYLES[style]
    if style == "S" and text.partition("S: ")[2][:1] in ("4", "5"):
        look = {"fg": "red"}
    click.secho(text, **({} if os.environ.get("NO_COLOR") else look))
