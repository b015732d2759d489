"""The settings of sender rules: which addresses a user may send from."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gsubmit.settings.declare import ValueType, setting
from gsubmit.settings.kinds import enum, path, string, words

_DOMAIN = re.compile(r"[A-Za-z0-9_\x80-\U0010ffff-]+(?:\.[A-Za-z0-9_\x80-\U0010ffff-]+)*")


def _read_domains(text: str) -> tuple[str, ...]:
    domains = words.read(text)
    for domain in domains:
        if not _DOMAIN.fullmatch(domain):
            raise ValueError(f"expected domains, not '{domain}'")
    return domains


_domains = ValueType(_read_domains, " ".join)


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """Which senders are looked at, and what a user owns beside the passdb's field `senders`."""

    submission_sender_check: str = setting(
        enum("no", "envelope", "both"),
        "no",
        "Whether users may send from their own addresses only: no, in MAIL (envelope), or in MAIL and From (both).",
        "A user owns what the passdb's field `senders` lists (addresses, @domains or *, divided by commas), what"
        " `submission_sender_login_map` gives him, and his login. All of these apply. Domains are compared without case"
        " and as A-labels, local parts without case. The null reverse-path is always allowed. With both, a message"
        " without From, with two of them or with one that readers may take for different addresses is refused (554"
        " 5.6.0). Of a message that begins with a block of Resent fields, Resent-From of that block is looked at"
        " instead of From."
        " A master user has the rules of the user that he acts for.",
    )
    submission_sender_action: str = setting(
        enum("reject", "rewrite", "log"),
        "reject",
        "What is done about another address: reject (550 5.7.1), rewrite it to the user's own, or only log it.",
        "There is a line in the log in any case."
        " The user's own address is the first full one of the field `senders`, else his login if that is an address;"
        " without one the message is refused. From keeps its display name, and X-Original-From gets what was there;"
        " where a DKIM or ARC signature covers From the message is refused.",
    )
    submission_sender_header: str = setting(
        enum("from", "from-or-sender"),
        "from",
        "Whose address has to be the user's: each one in From, or instead the one in Sender (from-or-sender).",
    )
    submission_sender_login_map: str = setting(
        path,
        "",
        "File in the form of Postfix's smtpd_sender_login_maps that says which logins own an address.",
        "Each line has `user@domain`, `@domain` or, for `submission_domains`, a `user`, then the logins, divided by"
        " commas or blanks. A line that begins with a blank continues the one before it, one that begins with `#` is a"
        " comment. The first of these that is there decides: the address, the address without what follows the"
        " delimiter, the user, the domain. The file is read again when it changes; one with errors is"
        " logged, and not used.",
    )
    submission_domains: tuple[str, ...] = setting(
        _domains, (), "Domains in which a login that is no address owns the address of its name."
    )
    recipient_delimiter: str = setting(
        string,
        "+",
        "Characters that each begin a part of a local part that is not looked at: user+tag belongs to whom user does.",
        "The address itself is not changed. Empty means that there is no such part.",
    )
