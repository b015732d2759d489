"""MAIL and RCPT: parsed here, answered by the relay (RFC 5321 4.1.1.2, 4.1.1.3)."""

from __future__ import annotations

from gsubmit.server.session import Session
from gsubmit.server.wire import Answer
from gsubmit.smtp.command import Command
from gsubmit.smtp.envelope import BARE_NEWLINE, read_recipient, read_sender
from gsubmit.smtp.replies import TOO_BIG, TOO_MANY_RECIPIENTS
from gsubmit.smtp.reply import Refused


def mail(session: Session, command: Command) -> Answer:
    """Begin a transaction; the reply is the relay's."""
    workarounds = session.service.settings.submission.submission_client_workarounds
    sender = read_sender(command.argument, session.greeting.offered, workarounds)
    limit = session.greeting.situation.size
    if limit and sender.params.size is not None and sender.params.size > limit:
        raise Refused(TOO_BIG)  # RFC 1870 6.1
    delivery = session.service.relay.begin(sender, session.client, session.label)
    transaction = session.begin_transaction(sender, delivery)
    if BARE_NEWLINE in workarounds:
        transaction.mend_newlines()
    return delivery.sender


def rcpt(session: Session, command: Command) -> Answer:
    """Add a recipient; the reply is the relay's."""
    transaction = session.transaction
    assert transaction is not None
    settings = session.service.settings.submission
    recipient = read_recipient(
        command.argument,
        session.greeting.offered,
        settings.submission_client_workarounds,
        smtputf8=transaction.envelope.sender.params.smtputf8,
    )
    limit = settings.submission_max_recipients
    if limit and transaction.has_accepted(limit):
        raise Refused(TOO_MANY_RECIPIENTS)  # RFC 5321 4.5.3.1.10
    return transaction.ask(recipient)
