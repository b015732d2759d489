"""What is done before a command can be carried out: unlike needs, steps change something or wait for the relay."""

from __future__ import annotations

import time

from gsubmit.server import journal
from gsubmit.server.commands import auth
from gsubmit.server.session import UNGREETED, Session
from gsubmit.server.transaction import Transaction
from gsubmit.smtp.replies import MAIL_FIRST, NO_RECIPIENTS
from gsubmit.smtp.reply import Refused


def log_in_by_certificate(session: Session, _: str) -> None:
    """A client's certificate may do for AUTH (submission_client_workarounds: implicit-auth-external)."""
    if session.login is not None or session.greeting is UNGREETED:
        return
    if "implicit-auth-external" in session.service.settings.submission.submission_client_workarounds:
        auth.log_in_by_certificate(session)


def give_up_transaction(session: Session, why: str) -> None:
    """End an open transaction as the client wants it; what it was promised before is answered first."""
    if session.transaction is not None:
        session.wire.flush()
        journal.unfinished(session, why)
        session.end_transaction()


def await_sender(session: Session, _: str) -> None:
    """Whether the relay refuses an earlier MAIL must be known: that is no transaction then."""
    if session.transaction is not None:
        session.transaction.delivery.sender.reply()
        session.live_transaction()


def await_recipients(session: Session, transaction: Transaction) -> None:
    """Content needs a recipient that the relay took; all its answers are awaited here (RFC 5321 3.3, RLY-9)."""
    try:
        assert session.login is not None
        amends = session.service.amends(session.login.identity.user)
        accepted = transaction.delivery.accepted(is_final=not amends)
        transaction.moved_at = time.monotonic()  # the relay's time is not the client's
    finally:
        is_over = session.live_transaction() is None  # the answers made it void
    if is_over:
        raise Refused(MAIL_FIRST)
    transaction.envelope.recipients = accepted
    if not accepted:
        raise Refused(NO_RECIPIENTS)
