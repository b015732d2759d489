"""A complete message: judged, given its trace field, handed to the relay."""

from __future__ import annotations

import logging

from gsubmit.message.beginning import well_begun
from gsubmit.message.header import MAX_RECEIVED, Trace, count_received, received_field
from gsubmit.metrics import current
from gsubmit.metrics.figures import MESSAGES, RECIPIENTS, RELAY_SENT
from gsubmit.server import journal, moments, outcome
from gsubmit.server.prepare import prepare
from gsubmit.server.report import report_relayed
from gsubmit.server.sentcopy import keep_copy
from gsubmit.server.session import Session
from gsubmit.server.transaction import Transaction
from gsubmit.smtp.replies import LOOPING, NO_ROOM
from gsubmit.smtp.reply import Refused, Reply
from gsubmit.tls.server import cipher_name

_ACCEPTED, _RECIPIENTS, _SENT = MESSAGES.at("accepted"), RECIPIENTS.at("accepted"), RELAY_SENT.at()
_log = logging.getLogger("gsubmit.session")


def submit(session: Session, transaction: Transaction) -> Reply | None:
    """The final reply for the session's transaction, which is over after this; None when it has been sent already."""
    session.wire.flush()
    reply, cell = _hand_over(session, transaction)
    try:
        owes_reports = cell == _ACCEPTED and transaction.delivery.owes_reports
        if not (owes_reports or session.service.plugins.submitted):
            return reply
        try:
            if not reply.closes:
                session.wire.send(reply)
                session.wire.flush()  # a client that waits too long for its 250 sends the message again
        finally:  # also of a client that has gone: the relay has its message
            _tell_others(session, transaction, reply, owes_reports=owes_reports)
    finally:
        session.end_transaction(cell)
    return reply if reply.closes else None


def _tell_others(session: Session, transaction: Transaction, reply: Reply, *, owes_reports: bool) -> None:
    """The sender who asked for a report, and plugins: neither depends on the other, or on the client."""
    try:
        if owes_reports:
            report_relayed(session, transaction, reply)
    finally:
        if session.service.plugins.submitted:
            moments.submitted(session, transaction, reply)


def _hand_over(session: Session, transaction: Transaction) -> tuple[Reply, int]:
    """The final reply, and the cell of MESSAGES for it.

    What ends the session here leaves the transaction open: its end has a line in the log too.
    """
    try:
        header = _accepted(session, transaction)
        reply = transaction.delivery.send(lambda _: header, transaction.content)
    except outcome.Discarded:
        _remember(session, transaction)
        journal.discarded(session, transaction)
        return outcome.DISCARDED, MESSAGES.at("discarded")
    except Refused as refused:
        journal.not_relayed(session, transaction, f"by={refused.by}, reply=`{refused.reply}'")
        return refused.reply, MESSAGES.at(outcome.refusal(refused))
    journal.submitted(session, transaction, reply)
    if reply.refuses:
        return reply, MESSAGES.at(outcome.by_relay(reply))
    current.row[_RECIPIENTS] += len(transaction.envelope.recipients)
    current.row[_SENT] += len(header) + transaction.content.size
    if session.service.scripts is not None:
        _remember(session, transaction)
    if session.service.sent is not None:
        keep_copy(session, transaction)
    return reply, _ACCEPTED


def _accepted(session: Session, transaction: Transaction) -> bytes:
    """What is to stand before the message, if we take it. Raises Refused."""
    fault = transaction.judge()
    if fault is not None:
        raise Refused(fault)
    try:
        _let_begin_well(session, transaction)
    except OSError as error:
        _log.error("cannot keep message %s: %s", transaction.id, error, extra={"prefix": session.label})
        raise Refused(NO_ROOM) from error
    if count_received(transaction.body.head()) > MAX_RECEIVED:
        raise Refused(LOOPING)
    if session.service.prepares:
        prepare(session, transaction)
    if not session.service.settings.submission.submission_add_received_header:
        return b""
    hides_client = session.service.settings.fixups.submission_hide_client
    return received_field(_trace(session, transaction), hides_client=hides_client)


def _remember(session: Session, transaction: Transaction) -> None:
    """The client hears that all is well: what scripts have asked about by `duplicate` is known from now on."""
    scripts, login, handling = session.service.scripts, session.login, transaction.envelope.handling
    if scripts is not None and login is not None and handling is not None and handling.tracked:
        scripts.memory.remember(login.identity.user, handling.tracked)


def _let_begin_well(session: Session, transaction: Transaction) -> None:
    """All who read the content after this, see the header that the relay will see."""
    drops = session.service.settings.fixups.submission_drop_mailbox_line
    body = well_begun(transaction.body, drops_mailbox_lines=drops)
    if body is not transaction.body:
        transaction.body.close()
        transaction.body = transaction.content = body


def _trace(session: Session, transaction: Transaction) -> Trace:
    tls = session.wire.tls
    envelope = transaction.envelope
    return Trace(
        hello=session.greeting.name,
        client_ip=session.ends.remote_ip,
        by=session.service.hostname,
        protocol=_protocol(session, utf8=envelope.sender.params.smtputf8),
        id=transaction.id,
        tls_cipher=cipher_name(tls) if tls else "",
        for_path=f"<{envelope.recipients[0].forward_path}>" if len(envelope.recipients) == 1 else "",
    )


def _protocol(session: Session, *, utf8: bool) -> str:
    """The with clause (RFC 3848 1, RFC 6531 4.3). Without EHLO there is no extension to name."""
    if not session.greeting.is_extended:
        return "SMTP"
    secured = "S" if session.has_tls else ""
    return f"{'UTF8SMTP' if utf8 else 'ESMTP'}{secured}A"
