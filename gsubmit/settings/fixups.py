"""The settings of what is mended in messages, and of what is left out of them: nothing, unless it is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gsubmit.settings.declare import ValueType, setting
from gsubmit.settings.kinds import boolean, enum, word_list

# Trace and signatures: a header without them tells something else, or nothing can be checked any more (RFC 5321 4.4).
_KEPT = frozenset(
    {"received", "from", "dkim-signature", "arc-message-signature", "arc-seal", "arc-authentication-results"}
)
_NAME = re.compile(r"[!-9;-~]+")


def _read_names(text: str) -> tuple[str, ...]:
    names = word_list().read(text)
    for name in names:
        if not _NAME.fullmatch(name.removesuffix(":")):
            raise ValueError(f"not the name of a header field: {name}")
        if name.lower().removesuffix(":") in _KEPT:
            raise ValueError(f"{name} cannot be dropped")
    return tuple(name.removesuffix(":") for name in names)


_field_names = ValueType(_read_names, " ".join)


@dataclass(frozen=True, slots=True)
class FixUpSettings:
    """What RFC 6409 8 allows a submission server to do to a message."""

    submission_add_date: str = setting(
        enum("no", "yes", "repair"),
        "no",
        "Whether to add Date to a message that has none; repair: also in the place of one that nobody can read.",
        "A message that somebody sends again (Resent-From) gets Resent-Date in its block instead. No field is added,"
        " changed or dropped that a signature in the message covers; this holds for all settings here.",
    )
    submission_add_message_id: str = setting(
        enum("no", "yes", "repair"),
        "no",
        "The same for Message-ID, or Resent-Message-ID; a valid one is never changed.",
    )
    submission_drop_headers: tuple[str, ...] = setting(
        _field_names,
        (),
        "Header fields to take out of messages, such as Bcc Resent-Bcc Return-Path Content-Length.",
        "Bcc, which only the sender's own copy should have, reaches all recipients where neither the client nor the"
        " relay takes it out. From, Received and signatures cannot be dropped.",
    )
    submission_require_from: bool = setting(
        boolean, False, "Whether to refuse a message (554 5.6.0) that does not have exactly one From field."
    )
    submission_refuse_single_label: bool = setting(
        boolean, False, "Whether to refuse addresses (554) whose domain has one label only, in MAIL, RCPT and header."
    )
    submission_drop_mailbox_line: bool = setting(
        boolean,
        False,
        "Whether to drop a line `From ...` of a mailbox file before the message.",
        "Otherwise it becomes a field X-Mailbox-Line, as with Postfix.",
    )
    submission_hide_client: bool = setting(
        boolean,
        False,
        "Whether the Received field says nothing of the client: neither address and name, nor TLS and protocol.",
        "It then reads `by HOST (gsubmit) id ID`, as that of Postfix with smtpd_hide_client_session. A relay that"
        " is told of the client (submission_relay_trusted) may write its address into a field of its own.",
    )
