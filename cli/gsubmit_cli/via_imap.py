"""The options of send-test about BURL: a URL that was made elsewhere, or a mailbox to make one for."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from gsubmit.settings.hosts import is_loopback
from gsubmit_cli.probe.password import password_of
from gsubmit_cli.probe.sentmail import SentMailbox
from gsubmit_cli.probe.target import IMAP_PORT, Target, server_address, tls_context

PASSWORD_VARIABLE = "GSUBMIT_IMAP_PASSWORD"  # noqa: S105 - its name
MAX_URL = 8192  # characters; a command line of SMTP has fewer

_URL = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class ImapOptions:
    """The part of the command line about the IMAP server."""

    via_imap: str | None
    imap_tls: str
    imap_user: str | None
    imap_password_file: Path | None
    imap_authority: str | None
    sent_mailbox: str


def url_to_submit(given: str) -> str:
    """The URL of --burl; with `-` the first line of the standard input, which nobody else sees."""
    url = sys.stdin.readline(MAX_URL).strip() if given == "-" else given
    if (given or url) and not _URL.fullmatch(url):
        raise click.UsageError("--burl is not a URL: special characters are written as %XX")
    return url


def sent_mailbox(options: ImapOptions, submission: Target, ca: Path | None, insecure: bool) -> SentMailbox | None:
    """Where to put the message before it is submitted there; None without --via-imap."""
    if options.via_imap is None:
        return None
    if submission.user is None:
        raise click.UsageError("--via-imap needs --user: BURL is for those who have logged in")
    tls, user = options.imap_tls, options.imap_user or submission.user
    try:
        host, port = server_address(options.via_imap, IMAP_PORT[tls])
        if tls == "none" and not is_loopback(host):
            raise ValueError("--imap-tls none shows the password to the network: it is for servers on this machine")
        context, trust = tls_context(tls != "none" and not insecure, str(ca or ""))
        target = Target(
            host=host,
            port=port,
            tls=tls,
            context=context,
            trust=trust,
            user=user,
            password=_password(options, user, submission),
            connect_timeout=submission.connect_timeout,
            command_timeout=submission.command_timeout,
        )
        mailbox = SentMailbox(target, options.imap_authority or options.via_imap, options.sent_mailbox, submission.user)
        mailbox.check()
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return mailbox


def _password(options: ImapOptions, user: str, submission: Target) -> bytes:
    """The IMAP user's password; of the same user it is the one for the submission server, if no other is given."""
    is_given = options.imap_password_file or PASSWORD_VARIABLE in os.environ
    if user == submission.user and not is_given:
        return submission.password
    return password_of(f"{user} (IMAP)", options.imap_password_file, "--imap-password-file", PASSWORD_VARIABLE)
