"""The options of send-test about BURL: a URL that was made elsewhere, or a mailbox to make one for."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gsubmit.settings.hosts import is_loopback
from gsubmit_cli.password import password_of
from gsubmit_cli.probe.sentmail import SentMailbox
from gsubmit_cli.probe.target import IMAP_PORT, Target, server_target

PASSWORD_VARIABLE = "GSUBMIT_IMAP_PASSWORD"  # noqa: S105 - its name
MAX_URL = 8192  # characters; a command line of SMTP has fewer

_URL = re.compile(r"[!-~]+")


def url_to_submit(given: str) -> str:
    """The URL of --burl; with `-` the first line of the standard input, which nobody else sees."""
    url = sys.stdin.readline(MAX_URL).strip() if given == "-" else given
    if (given or url) and not _URL.fullmatch(url):
        raise click.UsageError("--burl is not a URL: special characters are written as %XX")
    return url


def sent_mailbox(
    submission: Target, *, via_imap: str | None, imap_tls: str, imap_user: str | None, imap_password_file: Path | None,
    imap_authority: str | None, sent_mailbox: str, ca: Path | None, insecure: bool, timeout: float, **_others: Any,
) -> SentMailbox | None:  # fmt: skip
    """Where to put the message before it is submitted there, by the options; None without --via-imap."""
    if via_imap is None:
        return None
    if submission.user is None:
        raise click.UsageError("--via-imap needs --user: BURL is for those who have logged in")
    user = imap_user or submission.user
    try:
        target = server_target(via_imap, IMAP_PORT, imap_tls, ca, timeout, insecure=insecure)
        if imap_tls == "none" and not is_loopback(target.host):
            raise ValueError("--imap-tls none shows the password to the network: it is for servers on this machine")
        target = replace(target, user=user, password=_password(user, imap_password_file, submission))
        mailbox = SentMailbox(target, imap_authority or via_imap, sent_mailbox, submission.user)
        mailbox.check()
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return mailbox


def _password(user: str, file: Path | None, submission: Target) -> bytes:
    """The IMAP user's password; of the same user it is the one for the submission server, if no other is given."""
    if user == submission.user and not (file or PASSWORD_VARIABLE in os.environ):
        return submission.password
    return password_of(f"{user} (IMAP)", file, "--imap-password-file", PASSWORD_VARIABLE)
