"""MAIL and RCPT: parsed here, answered by the relay (RFC 5321 4.1.1.2, 4.1.1.3)."""

from __future__ import annotations

from gsubmit.server import moments
from gsubmit.server.senderrules import check_sender
from gsubmit.server.session import Session
from gsubmit.server.transaction import Transaction
from gsubmit.server.wire import Answer
from gsubmit.smtp.envelope import BARE_NEWLINE, Recipient, Sender, read_recipient, read_sender
from gsubmit.smtp.replies import SINGLE_LABEL_RECIPIENT, SINGLE_LABEL_SENDER, TOO_BIG, TOO_MANY_RECIPIENTS
from gsubmit.smtp.reply import Refused


def mail_argument(session: Session, text: str) -> Sender:
    """What MAIL says, by what this client was offered."""
    workarounds = session.service.settings.submission.submission_client_workarounds
    return read_sender(text, session.greeting.offered, workarounds)


def mail(session: Session, sender: Sender) -> Answer:
    """Begin a transaction; the reply is the relay's."""
    limit = session.greeting.situation.size
    if limit and sender.params.size is not None and sender.params.size > limit:
        raise Refused(TOO_BIG)  # RFC 1870 6.1
    needs_full_domain = session.service.settings.fixups.submission_refuse_single_label
    if needs_full_domain and sender.reverse_path is not None and sender.reverse_path.is_single_label:
        raise Refused(SINGLE_LABEL_SENDER)
    if session.service.senders is not None:
        sender = check_sender(session, session.service.senders, sender)
    relay, handling = session.service.relay, None
    if session.service.plugins.sender:
        handling = moments.sender(session, sender)
        relay = session.service.relay_named(handling.relay)
    delivery = relay.begin(sender, session.client, session.label)
    transaction = session.begin_transaction(sender, delivery)
    transaction.envelope.handling = handling
    if not BARE_NEWLINE.isdisjoint(session.service.settings.submission.submission_client_workarounds):
        transaction.mend_newlines()
    return delivery.sender


def rcpt_argument(session: Session, transaction: Transaction, text: str) -> Recipient:
    """What RCPT says, by what this client was offered, and what MAIL said."""
    return read_recipient(
        text,
        session.greeting.offered,
        session.service.settings.submission.submission_client_workarounds,
        smtputf8=transaction.envelope.sender.params.smtputf8,
    )


def rcpt(session: Session, transaction: Transaction, recipient: Recipient) -> Answer:
    """Add a recipient; the reply is the relay's."""
    limit = session.service.settings.submission.submission_max_recipients
    if limit and transaction.has_accepted(limit):
        raise Refused(TOO_MANY_RECIPIENTS)  # RFC 5321 4.5.3.1.10
    if session.service.settings.fixups.submission_refuse_single_label and recipient.forward_path.is_single_label:
        raise Refused(SINGLE_LABEL_RECIPIENT)
    if session.service.plugins.recipient:
        moments.recipient(session, transaction, recipient)
    return transaction.ask(recipient)
