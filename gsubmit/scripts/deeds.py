"""What the result of scripts means for mail that goes out (gsubmit-sieve(7))."""

from __future__ import annotations

from typing import NamedTuple

from gsubmit.sieve.errors import Problem, SieveError
from gsubmit.sieve.result import FileInto, Keep, Redirect, Reject, Result
from gsubmit.smtp.address import BadAddress, parse_mailbox

MAX_FILED = 8  # mailboxes: each copy is on disk before the client hears its 250


class Copy(NamedTuple):
    r"""A copy for the sender: its mailbox (empty: the usual one), and its flags beside \Seen.

    `creates`: the mailbox is made if it is missing; `use`: the mailbox with that attribute comes first (RFC 8579).
    """

    mailbox: str = ""
    flags: tuple[str, ...] = ()
    creates: bool = False
    use: str = ""


class Deeds(NamedTuple):
    """`refusal` is the text of reject, or None. With no recipient of any kind the message is discarded."""

    refusal: str | None
    reaches_recipients: bool  # those that the client gave
    added: tuple[str, ...]  # recipients
    copies: tuple[Copy, ...]

    @property
    def discards(self) -> bool:
        """Whether nobody gets the message, and its client hears that all is well."""
        return not (self.reaches_recipients or self.added)


def deeds_of(result: Result) -> Deeds:
    """What is to be done: fileinto is instead of the usual copy only, and the message is relayed all the same.

    The usual copy comes last: where it goes to a mailbox that fileinto names, there is one, with the flags of fileinto.
    """
    actions = result.actions
    refusal = next((action.text for action in actions if isinstance(action, Reject)), None)
    redirects = [action for action in actions if isinstance(action, Redirect)]
    filed = [action for action in actions if isinstance(action, FileInto)]
    is_instead = any(not action.is_copy for action in filed) and all(redirect.is_copy for redirect in redirects)
    reaches = result.keeps or is_instead
    flags = next((action.flags for action in actions if isinstance(action, Keep)), result.flags)
    usual = [Copy(flags=flags)] if result.keeps else []
    copies = [Copy(one.mailbox, one.flags, one.create, one.special_use) for one in filed]
    return Deeds(refusal, reaches, tuple(redirect.address for redirect in redirects), (*copies, *usual))


def check_result(result: Result, script: str, *, is_utf8: bool, needs_full_domains: bool) -> None:
    """Raise SieveError for what the engine may ask for, and a message here cannot have.

    `is_utf8`: of a message with SMTPUTF8; `needs_full_domains`: as where clients may not give others.
    """
    if sum(isinstance(action, FileInto) for action in result.actions) > MAX_FILED:
        raise SieveError(Problem(script, 0, f"the message is filed in more than {MAX_FILED} mailboxes"))
    for action in result.actions:
        if isinstance(action, Redirect):
            fault = _fault(action.address, is_utf8=is_utf8, needs_full_domains=needs_full_domains)
            if fault:
                raise SieveError(Problem(script, 0, f"<{action.address}> {fault}"))


def _fault(text: str, *, is_utf8: bool, needs_full_domains: bool) -> str:
    """What keeps an address from being a recipient of the message; empty if nothing does."""
    try:
        address = parse_mailbox(text)
    except BadAddress:
        return "is not an address"
    if needs_full_domains and address.is_single_label:
        return "has no full domain"
    if not (address.is_ascii or is_utf8):
        return "cannot be a recipient of a message without SMTPUTF8"
    return ""
