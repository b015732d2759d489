"""What the result of scripts means for mail that goes out (gsubmit-sieve(7))."""

from __future__ import annotations

from typing import NamedTuple

from gsubmit.sieve.result import FileInto, Keep, Redirect, Reject, Result


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
