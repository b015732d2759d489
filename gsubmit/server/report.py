"""Reports to senders who asked for one, when the relay does not give it (RFC 3461 5.2.2)."""

from __future__ import annotations

import logging
from threading import Thread
from typing import TYPE_CHECKING

from gsubmit.message.body import MessageBody
from gsubmit.message.report import Relayed, relayed_report
from gsubmit.smtp.envelope import Recipient, Sender
from gsubmit.smtp.params import NO_MAIL_PARAMS, NO_RCPT_PARAMS, MailParams
from gsubmit.smtp.reply import Refused, Reply

if TYPE_CHECKING:
    from gsubmit.relay.xclient import ClientFacts
    from gsubmit.server.session import Session
    from gsubmit.server.transaction import Transaction
    from gsubmit.service import Service

_log = logging.getLogger("gsubmit.session")


def report_relayed(session: Session, transaction: Transaction, reply: Reply) -> None:
    """Tell the sender that recipients with NOTIFY=SUCCESS were relayed.

    The client does not wait for it: one that waits too long for its 250 sends the message again (RFC 1047). What goes
    wrong is only logged.
    """
    sender = transaction.envelope.sender
    asked = [recipient for recipient in transaction.envelope.recipients if _wants_success(recipient)]
    if not asked or sender.reverse_path is None:
        return
    smtputf8 = sender.params.smtputf8
    report = relayed_report(
        session.service.hostname,
        session.service.settings.relay.submission_relay_host,
        sender.reverse_path,
        envid=sender.params.envid,
        arrival=transaction.arrival,
        recipients=[Relayed(recipient.forward_path, recipient.params.orcpt, reply) for recipient in asked],
        original_head=transaction.body.head(),
        smtputf8=smtputf8,
    )
    recipient = Recipient(sender.reverse_path, NO_RCPT_PARAMS)
    client, label = session.client, session.label
    facts = (session.service, client, label, transaction.id, recipient, report, smtputf8)
    Thread(target=_send, args=facts, daemon=True).start()


def _send(
    service: Service, client: ClientFacts, label: str, id: str, recipient: Recipient, report: bytes, smtputf8: bool
) -> None:
    """A greenlet of its own."""
    try:
        answer = _submit(service, client, label, recipient, report, smtputf8=smtputf8)
    except OSError as error:
        _log.error("report of relaying id=%s: %s", id, error, extra={"prefix": label})
        return
    log = _log.warning if answer.refuses else _log.info
    log("report of relaying id=%s: %s", id, answer, extra={"prefix": label})


def _wants_success(recipient: Recipient) -> bool:
    return "SUCCESS" in recipient.params.notify.split(",")


def _submit(
    service: Service, client: ClientFacts, label: str, recipient: Recipient, report: bytes, *, smtputf8: bool
) -> Reply:
    """Hand the report to the same relay, from the null reverse-path (RFC 3464 2)."""
    params = MailParams(smtputf8=True) if smtputf8 else NO_MAIL_PARAMS
    body = MessageBody(service.settings.server.mail_temp_dir)
    try:
        body.append(report)
        delivery = service.relay.begin(Sender(None, params), client, label)
        try:
            promise = delivery.recipient(recipient)
            if not delivery.accepted():
                return delivery.sender.reply() if delivery.sender.is_refused else promise.reply()
            return delivery.send(b"", body)
        finally:
            delivery.abort()
    except Refused as refused:
        return refused.reply
    finally:
        body.close()
