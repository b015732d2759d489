"""A script tried on a message without a server, for `gsubmit sieve-test`."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

from gsubmit.message.body import MessageBody
from gsubmit.message.draft import Draft, HeaderTooLong
from gsubmit.message.mailboxes import Unparsable, mailboxes
from gsubmit.scripts.deeds import check_result
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
    script: Script, message: bytes, world: World, *, needs_full_domains: bool = False, may_change_authors: bool = False
) -> Tried:
    """One run, of a message with SMTPUTF8 where that is needed.

    A world without recipients gets those of To, Cc and Bcc, or SOMEBODY. Raises SieveError when the script fails,
    HeaderTooLong.
    """
    body = MessageBody(tempfile.gettempdir())
    try:
        body.append(message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        draft = Draft(body)
        world.recipients = world.recipients or _recipients(draft)
        is_utf8 = not (
            all(field.octets.isascii() for field in draft.fields)
            and all(address.isascii() for address in (world.sender, *world.recipients))
        )
        result = script.run(DraftMail(draft, may_change_authors=may_change_authors, is_utf8=is_utf8), world)
        check_result(result, script.name, is_utf8=is_utf8, needs_full_domains=needs_full_domains)
        return Tried(result, tuple(world.recipients), draft.head() if draft.is_edited else b"")
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
