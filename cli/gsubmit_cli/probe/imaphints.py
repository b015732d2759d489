"""What to look at when an IMAP server does not do what BURL needs of it."""

from __future__ import annotations

from collections.abc import Sequence

from gsubmit_cli.probe.failure import Stage
from gsubmit_cli.probe.hints import TROUBLE

IMAP_TROUBLE = TROUBLE | {
    "refused": "is the server running, and is {port} the right port? (143 for STARTTLS, 993 for implicit TLS)",
    "tls": "does the port speak TLS this way? Try another --imap-tls; else look at the server's TLS settings",
    "timeout": "a port for implicit TLS says nothing before it: see --imap-tls; else look at the server and firewalls",
    "garbage": "this does not look like an IMAP server: check host and port",
}

MISSING = {
    "STARTTLS": "is the server configured for TLS? Try --imap-tls implicit",
    "AUTH=PLAIN or LOGIN": "many servers take passwords inside TLS only: see --imap-tls. Is the port right?",
    "URLAUTH": "without it there is no BURL: Cyrus has it; Dovecot, with imap_urlauth_host and mail_attribute_dict",
    "UIDPLUS": "without it the message is looked for by its Message-ID: give the file one",
}

NO_MAILBOX = "there is no such mailbox: create it in a mail program, or give another to --sent-mailbox (INBOX is there)"

# Stage, response code (empty: any, RFC 5530), what to look at. The first row that fits counts.
RESPONSES: tuple[tuple[Stage | None, str, str], ...] = (
    (None, "UNAVAILABLE", "a part of the server is down: look at its log"),
    (None, "CONTACTADMIN", "the server's log says more"),
    (Stage.IMAP_GREETING, "", "the server does not talk to this address now: its log says why"),
    (Stage.IMAP_TLS, "", "the server has no usable certificate: look at its log"),
    (Stage.IMAP_AUTH, "PRIVACYREQUIRED", "the server wants TLS first: see --imap-tls"),
    (Stage.IMAP_AUTH, "", "check --imap-user and its password; on the server, its users and its log"),
    (Stage.IMAP_APPEND, "TRYCREATE", NO_MAILBOX),
    (Stage.IMAP_APPEND, "NONEXISTENT", NO_MAILBOX),
    (Stage.IMAP_APPEND, "OVERQUOTA", "the mailbox is full"),
    (Stage.IMAP_APPEND, "NOPERM", "this user may not write to that mailbox: check --sent-mailbox"),
    (Stage.IMAP_APPEND, "", "the server does not store the message: look at its words, and --sent-mailbox"),
    (Stage.IMAP_URLAUTH, "", "the URL's user, host and port must be those the IMAP server knows: see --imap-authority"),
)


def response_hint(code: Sequence[str], stage: Stage) -> str:
    """What to look at after NO, BAD or BYE."""
    first = code[0] if code else ""
    for row_stage, row_code, hint in RESPONSES:
        if row_stage in (None, stage) and row_code in ("", first):
            return hint
    return "the server's log says more"
