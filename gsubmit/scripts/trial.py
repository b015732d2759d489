"""A script tried on a message without a server, for `gsubmit sieve-test`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gsubmit import __version__
from gsubmit.fairness import let_others_run
from gsubmit.message.body import MessageBody
from gsubmit.message.draft import Draft, HeaderTooLong
from gsubmit.message.mailboxes import Unparsable, mailboxes
from gsubmit.scripts.mail import DraftMail
from gsubmit.sieve.mail import World
from gsubmit.sieve.result import Result
from gsubmit.sieve.script import Script

__all__ = ["HeaderTooLong", "Tried", "try_script"]
SOMEBODY = ("recipient@example.net",)
_RECIPIENTS = frozenset({b"to", b"cc", b"bcc"})


@dataclass(frozen=True, slots=True)
class Tried:
    """What a script asks for; `header` is the message's as it goes out, empty when the script leaves it as it is."""

    result: Result
    recipients: tuple[str, ...]  # of the message as it came
    header: bytes


def try_script(
    script: Script,
    message: bytes,
    *,
    user: str,
    sender: str | None = None,
    recipients: Sequence[str] = (),
    may_change_authors: bool = False,
    say: Callable[[str], None],
    trace: Callable[[str, int, str], None] | None = None,
) -> Tried:
    """One run. Without a sender it is `user`, without recipients they are those of To, Cc and Bcc, or SOMEBODY.

    Raises SieveError when the script fails, HeaderTooLong.
    """
    body = MessageBody(tempfile.gettempdir())
    try:
        body.append(message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        draft = Draft(body)
        asked = tuple(recipients) or _recipients(draft)
        world = World(
            sender=user if sender is None else sender,
            recipients=asked,
            login=user,
            items=_items(user),
            pause=let_others_run,
            say=say,
            trace=trace,
        )
        result = script.run(DraftMail(draft, may_change_authors=may_change_authors), world)
        return Tried(result, asked, draft.head() if draft.is_edited else b"")
    finally:
        body.close()


def _recipients(draft: Draft) -> tuple[str, ...]:
    found = []
    for field in draft.fields:
        if field.name in _RECIPIENTS:
            try:
                found += [str(mailbox.address) for mailbox in mailboxes(field)]
            except Unparsable:
                continue
    return tuple(dict.fromkeys(found)) or SOMEBODY


def _items(user: str) -> dict[str, str]:
    """Of `environment`, what is known without a server (RFC 5183 4.1)."""
    return {
        "name": "gsubmit",
        "version": __version__,
        "location": "MTA",
        "phase": "pre",
        "vnd.dovecot.username": user,
    }
