"""The MAIL and RCPT lines for a relay: the fate of each parameter there (RLY-4)."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from gsubmit.smtp import xtext
from gsubmit.smtp.address import BadAddress, parse_mailbox, path_text
from gsubmit.smtp.capabilities import Capabilities
from gsubmit.smtp.envelope import Recipient, Sender
from gsubmit.smtp.keywords import ADDED_OCTETS
from gsubmit.smtp.params import NO_MAIL_PARAMS, NO_RCPT_PARAMS, MailParams
from gsubmit.smtp.replies import NO_UTF8_RECIPIENT, NO_UTF8_SENDER
from gsubmit.smtp.reply import Refused

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
MAX_SIZE = 10**20 - 1  # 20 digits, RFC 1870 3


def mail_line(sender: Sender, relay: Capabilities, login: str = "", left_out: Collection[str] = ()) -> bytes:
    """MAIL with what the relay lists; what it lacks is dropped, and made up for later.

    `login` is who logged in here, `left_out` are parameters of our own, such as `AUTH=`, that this relay refuses.
    Raises Refused for an address that the relay cannot take.
    """
    line = f"MAIL FROM:{path_text(sender.reverse_path)}"
    params = sender.params
    keywords = relay.keywords
    says_size = params.size is not None and "SIZE" in keywords and "SIZE=" not in left_out
    if says_size and not _may_be_converted(params, relay):
        line += f" SIZE={min((params.size or 0) + ADDED_OCTETS, MAX_SIZE)}"
    if "8BITMIME" in keywords and (params.body or "BODY=" not in left_out):
        line += f" BODY={_body(params, relay)}"
    if params is not NO_MAIL_PARAMS:
        if "DSN" in keywords:
            line += f" RET={params.ret}" if params.ret else ""
            line += f" ENVID={params.envid}" if params.envid is not None else ""
        if params.smtputf8 and "SMTPUTF8" in keywords:
            line += " SMTPUTF8"
    if "AUTH" in keywords and "AUTH=" not in left_out:
        line += f" AUTH={_identity(params, login)}"
    if not line.isascii() and "SMTPUTF8" not in keywords:
        raise Refused(NO_UTF8_SENDER)
    return line.encode("utf-8") + b"\r\n"


def _body(params: MailParams, relay: Capabilities) -> str:
    """What the client says. Without a word from it a parameter of ours: many send 8-bit content and say nothing.

    Binary content is converted to 8-bit for a relay that takes no other.
    """
    return "8BITMIME" if params.body == "BINARYMIME" and not relay.takes_binary else params.body or "8BITMIME"


def _may_be_converted(params: MailParams, relay: Capabilities) -> bool:
    """Whether the message may grow, nobody knows by how much (SIZ-7, DWN-14)."""
    if params.body not in ("8BITMIME", "BINARYMIME"):
        return False
    return "8BITMIME" not in relay or _body(params, relay) != params.body


def _identity(params: MailParams, login: str) -> str:
    """Who vouches for the message: only the login; what the client says of others counts as `<>` (AUT-21)."""
    if params.auth is not None and xtext.decode(params.auth) != login:
        return "<>"
    return _as_identity(login)


@lru_cache(maxsize=1024)
def _as_identity(login: str) -> str:
    try:
        parse_mailbox(login)
    except BadAddress:
        return "<>"
    return xtext.encode(login)


def rcpt_line(recipient: Recipient, relay: Capabilities) -> bytes:
    """RCPT with what the relay lists; DSN parameters go on as they came (RFC 3461 5.2.1)."""
    takes_utf8 = "SMTPUTF8" in relay.keywords
    line = f"RCPT TO:<{recipient.forward_path}>"
    if not (takes_utf8 or line.isascii()):
        raise Refused(NO_UTF8_RECIPIENT)
    params = recipient.params
    if params is not NO_RCPT_PARAMS and "DSN" in relay:
        line += f" NOTIFY={params.notify}" if params.notify else ""
        if params.orcpt is not None:
            line += f" ORCPT={params.orcpt if takes_utf8 else _NOT_ASCII.sub(_in_ascii, params.orcpt)}"
    return line.encode("utf-8") + b"\r\n"


def _in_ascii(character: re.Match[str]) -> str:
    """One character of an ORCPT of type utf-8 for a server without SMTPUTF8 (RFC 6533 3)."""
    return f"\\x{{{ord(character[0]):X}}}"
