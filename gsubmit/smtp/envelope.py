"""What MAIL and RCPT said, read from their arguments."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gsubmit.smtp.address import (
    MAX_PATH,
    PLAIN_PATH,
    SURELY_SHORT,
    Address,
    BadAddress,
    Cursor,
    ReversePath,
    path_text,
)
from gsubmit.smtp.params import MailParams, RcptParams, read_mail_params, read_rcpt_params
from gsubmit.smtp.replies import (
    BAD_MAIL_SYNTAX,
    BAD_RCPT_SYNTAX,
    BAD_RECIPIENT,
    BAD_SENDER,
    UTF8_ORCPT,
    UTF8_RECIPIENT,
    UTF8_SENDER,
)
from gsubmit.smtp.reply import Refused, Reply

WHITESPACE_BEFORE_PATH = "whitespace-before-path"
MAILBOX_FOR_PATH = "mailbox-for-path"
BARE_NEWLINE = frozenset({"bare-newline", "lone-lf"})  # two words for one workaround


class Sender(NamedTuple):
    """The argument of MAIL."""

    reverse_path: ReversePath
    params: MailParams


class Recipient(NamedTuple):
    """The argument of RCPT."""

    forward_path: Address
    params: RcptParams


class Filing(NamedTuple):
    r"""A copy for the sender, by Sieve: its mailbox (empty: the usual one), its flags beside \Seen.

    `creates`: the mailbox is made if it is missing; `use`: the mailbox with that attribute comes first (RFC 8579).
    """

    mailbox: str = ""
    flags: tuple[str, ...] = ()
    creates: bool = False
    use: str = ""


@dataclass(slots=True)
class Handling:
    """What plugins and scripts ask for beside the envelope: the relay, the sender's own copies, and what they noted.

    `sent_mailbox` is the one for the usual copy; `filings` are None where no script has spoken of copies; `tracked` are
    the ids that scripts want remembered, each for so many seconds.
    """

    relay: str = ""
    sent_mailbox: str = ""
    note: dict[str, Any] = field(default_factory=dict)
    filings: tuple[Filing, ...] | None = None
    tracked: tuple[tuple[str, int | None], ...] = ()


@dataclass(slots=True)
class Envelope:
    """One mail transaction's sender, and the recipients that were handed to the next hop.

    `mailbox` is the user's own that BURL has fetched the whole message from, if it has;
    `handling` is there if a plugin or a script was asked.
    """

    sender: Sender
    recipients: list[Recipient] = field(default_factory=list)
    mailbox: str = ""
    handling: Handling | None = None


def read_sender(argument: str, offered: Collection[str], workarounds: Collection[str]) -> Sender:
    """Parse `FROM:<path> parameters`. Raises Refused."""
    path, rest = _take_path(argument, "FROM:", workarounds, BAD_MAIL_SYNTAX, BAD_SENDER)
    params = read_mail_params(rest, offered)
    if path is not None and not path.domain:
        raise Refused(BAD_SENDER)
    if path is not None and not (params.smtputf8 or argument.isascii() or path.is_ascii):
        raise Refused(UTF8_SENDER)
    return Sender(path, params)


def read_recipient(
    argument: str, offered: Collection[str], workarounds: Collection[str], *, smtputf8: bool
) -> Recipient:
    """Parse `TO:<path> parameters`. Raises Refused."""
    path, rest = _take_path(argument, "TO:", workarounds, BAD_RCPT_SYNTAX, BAD_RECIPIENT)
    params = read_rcpt_params(rest, offered)
    if path is None:
        raise Refused(BAD_RECIPIENT)
    if not (smtputf8 or argument.isascii()):
        if not path.is_ascii:
            raise Refused(UTF8_RECIPIENT)
        if params.orcpt is not None and not params.orcpt.isascii():
            raise Refused(UTF8_ORCPT)  # RFC 6533 3
    return Recipient(path, params)


def _take_path(
    argument: str, word: str, workarounds: Collection[str], bad_syntax: Reply, bad_address: Reply
) -> tuple[ReversePath, str]:
    """The path after `word`, and the parameters after the path."""
    if argument[: len(word)].upper() != word:
        raise Refused(bad_syntax)
    plain = PLAIN_PATH.match(argument, len(word))
    if plain is not None and plain.end() <= SURELY_SHORT:  # nearly all are, and need one look
        return Address(plain[1], plain[2]), _parameters(argument[plain.end() :], bad_syntax)
    rest = argument[len(word) :]
    if WHITESPACE_BEFORE_PATH in workarounds:
        rest = rest.lstrip(" \t")
    cursor = Cursor(rest)
    if not rest.startswith("<") and (MAILBOX_FOR_PATH not in workarounds or not rest or rest[0] in " \t"):
        raise Refused(bad_syntax)
    try:
        path = cursor.path() if rest.startswith("<") else cursor.mailbox()
    except BadAddress as error:
        raise Refused(bad_address) from error
    if len(rest) > SURELY_SHORT and len(path_text(path).encode()) > MAX_PATH:
        raise Refused(bad_address)
    return path, _parameters(cursor.remainder, bad_syntax)


def _parameters(rest: str, bad_syntax: Reply) -> str:
    """The parameters in what follows a path."""
    if rest and (rest[0] != " " or rest == " "):
        raise Refused(bad_syntax)
    return rest[1:]
