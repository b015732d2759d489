"""Sender rules on MAIL and on the header: refuse, rewrite or log what is not the user's (SUB-9, HDR-6)."""

from __future__ import annotations

from gsubmit.fairness import let_others_run
from gsubmit.message.draft import Draft, HeaderTooLong
from gsubmit.message.fields import Field, folded
from gsubmit.message.signatures import covered_names
from gsubmit.senders.header import Author, BadAuthor, author
from gsubmit.senders.senders import Senders
from gsubmit.server import journal
from gsubmit.server.session import Session
from gsubmit.server.transaction import Transaction
from gsubmit.smtp.address import Address
from gsubmit.smtp.envelope import Sender
from gsubmit.smtp.reply import Refused, Reply


def check_sender(session: Session, senders: Senders, sender: Sender) -> Sender:
    """What is to be said in MAIL. Raises Refused."""
    assert session.login is not None
    identity, address = session.login.identity, sender.reverse_path
    if address is None or senders.rule(identity, address):
        return sender
    primary = Senders.primary(identity) if senders.action == "rewrite" else None
    can_rewrite = primary is not None and (primary.is_ascii or sender.params.smtputf8)
    _log(session, senders, str(address), "reverse-path", can_rewrite=can_rewrite)
    if senders.action == "log":
        return sender
    if not can_rewrite:
        raise Refused(_not_allowed(address))
    return sender._replace(reverse_path=primary)


def check_header(session: Session, transaction: Transaction, draft: Draft) -> None:
    """Look at From, or what takes its place; rewritten where that is asked for. Raises Refused, HeaderTooLong."""
    senders, login = session.service.senders, session.login
    assert senders is not None
    assert login is not None
    identity = login.identity
    try:
        fields = draft.fields
        said = author(fields)
    except HeaderTooLong:
        if senders.action != "log":
            raise
        _log(session, senders, "", "a header that is too long", can_rewrite=False)
        return
    except BadAuthor as error:
        _log(session, senders, "", str(error), can_rewrite=False)
        if senders.action == "log":
            return
        raise Refused(Reply(554, "5.6.0", f"Message has {error}")) from None
    foreign = []
    for mailbox in said.mailboxes:
        let_others_run()
        if not senders.rule(identity, mailbox.address):
            foreign.append(mailbox.address)
    if not foreign or (
        senders.takes_sender and said.sender is not None and senders.rule(identity, said.sender.address)
    ):
        return
    primary = Senders.primary(identity) if senders.action == "rewrite" else None
    names = {said.name.lower().encode("ascii"), b"x-original-" + said.name.lower().encode("ascii")}
    if primary is not None and (not names.isdisjoint(covered_names(fields)) or not _fits(primary, transaction)):
        primary = None
    for address in foreign[: journal.LISTED]:
        rule = f"{said.name}-or-{said.sender_name}" if senders.takes_sender else said.name
        _log(session, senders, str(address), rule, can_rewrite=primary is not None)
    if senders.action == "log":
        return
    if primary is None:
        raise Refused(_not_allowed(foreign[0]))
    draft.edit(_rewritten(fields, said, primary))


def _fits(primary: Address, transaction: Transaction) -> bool:
    return primary.is_ascii or transaction.envelope.sender.params.smtputf8


def _log(session: Session, senders: Senders, address: str, rule: str, *, can_rewrite: bool) -> None:
    action = "reject" if senders.action == "rewrite" and not can_rewrite else senders.action
    journal.sender_not_allowed(session, address, rule, action)


def _not_allowed(address: Address) -> Reply:
    shown = str(address).encode("ascii", "backslashreplace").decode("ascii")
    return Reply(550, "5.7.1", f"<{shown}>: not allowed for this login")


def _rewritten(fields: tuple[Field, ...], said: Author, primary: Address) -> list[Field]:
    """The user's own address with the display name that was there; the old value goes to the end (HDR-8)."""
    old, first = fields[said.at], said.mailboxes[0]
    written = f"{first.phrase} <{primary}>" if first.phrase else f"{primary} {first.comment}".rstrip(" ")
    name = old.octets.partition(b":")[0].rstrip(b" \t")
    new = Field(old.name, folded(name + b": " + written.encode("utf-8", "surrogateescape")))
    kept = folded(b"X-Original-" + said.name.encode("ascii") + b": " + old.value.strip(b" \t"))
    changed = [*fields, Field(b"x-original-" + old.name, kept)]
    changed[said.at] = new
    return changed
