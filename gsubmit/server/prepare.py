"""What is done to a complete message before it leaves, in the order that the manual names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gsubmit.message.draft import Draft, HeaderTooLong
from gsubmit.server import moments
from gsubmit.server.senderrules import check_header
from gsubmit.server.session import Session
from gsubmit.server.transaction import Transaction
from gsubmit.smtp.replies import HEADER_TOO_LONG
from gsubmit.smtp.reply import Refused

if TYPE_CHECKING:
    from gsubmit.scripts.scripts import Scripts  # which are not loaded where nobody has any


def _has_scripts(session: Session, scripts: Scripts) -> bool:
    login = session.login
    return login is not None and scripts.may_have(login.identity.user, login.identity.fields)


def prepare(session: Session, transaction: Transaction) -> None:
    """Make the draft that the relay gets. Raises Refused, Discarded."""
    draft = transaction.content = Draft(transaction.body)
    service = session.service
    try:
        if service.fixups is not None:
            service.fixups.apply(draft)
        if service.scripts is not None and _has_scripts(session, service.scripts):
            from gsubmit.server.sieve import run_scripts  # noqa: PLC0415 - not loaded where nobody has any

            run_scripts(session, transaction, draft)
        if service.plugins.message:
            moments.message(session, transaction, draft)
        if service.senders is not None and service.senders.checks_header:
            check_header(session, transaction, draft)
    except HeaderTooLong:
        raise Refused(HEADER_TOO_LONG) from None
    if not draft.is_edited:
        transaction.content = transaction.body  # which is cheaper to read
