"""Reports to senders who asked for one, when the relay does not give it (RFC 3461 5.2.2)."""

from __future__ import annotations

import logging

from gsubmit.message.body import MessageBody
from gsubmit.message.report import Relayed, relayed_report
from gsubmit.relay.promise import NextHops
from gsubmit.server.session import Session
from gsubmit.server.transaction import Transaction
from gsubmit.settings.sections import Settings
from gsubmit.smtp.envelope import Recipient, Sender
from gsubmit.smtp.params import NO_MAIL_PARAMS, NO_RCPT_PARAMS, MailParams
from gsubmit.smtp.reply import Refused, Reply

_log = logging.getLogger("gsubmit.session")


def report_relayed(session: Session, transaction: Transaction, reply: Reply) -> None:
    """Tell the sender that recipients with NOTIFY=SUCCESS were relayed; what goes wrong with that is only logged."""
    sender = transaction.envelope.sender
    asked = [recipient for recipient in transaction.envelope.recipients if _wants_success(recipient)]
    if not asked or sender.reverse_path is None:
        return
    smtputf8 = sender.params.smtputf8
    handling = transaction.envelope.handling
    name = handling.relay if handling is not None else ""
    report = relayed_report(
        session.service.hostname,
        _host(session.service.settings, name),
        sender.reverse_path,
        envid=sender.params.envid,
        arrival=transaction.arrival,
        recipients=[Relayed(recipient.forward_path, recipient.params.orcpt, reply) for recipient in asked],
        original_head=transaction.content.head(),
        smtputf8=smtputf8,
    )
    try:
        recipient = Recipient(sender.reverse_path, NO_RCPT_PARAMS)
        answer = _submit(session, session.service.relay_named(name), recipient, report, smtputf8=smtputf8)
    except OSError as error:
        _log.error("report of relaying id=%s: %s", transaction.id, error, extra={"prefix": session.label})
        return
    log = _log.warning if answer.refuses else _log.info
    log("report of relaying id=%s: %s", transaction.id, answer, extra={"prefix": session.label})


def _wants_success(recipient: Recipient) -> bool:
    return "SUCCESS" in recipient.params.notify.split(",")


def _host(settings: Settings, name: str) -> str:
    """Where the relay of that name is, or the one outside of blocks."""
    named = {one.name: one.relay for one in settings.submission.plugins.relays}
    return named.get(name, settings.relay).host


def _submit(session: Session, relay: NextHops, recipient: Recipient, report: bytes, *, smtputf8: bool) -> Reply:
    """Hand the report to the same relay, from the null reverse-path (RFC 3464 2)."""
    params = MailParams(smtputf8=True) if smtputf8 else NO_MAIL_PARAMS
    body = MessageBody(session.service.settings.server.mail_temp_dir)
    try:
        body.append(report)
        delivery = relay.begin(Sender(None, params), session.client, session.label)
        try:
            promise = delivery.recipient(recipient)
            if not delivery.accepted():
                return delivery.sender.reply() if delivery.sender.is_refused else promise.reply()
            return delivery.send(lambda _: b"", body)
        finally:
            delivery.abort()
    except Refused as refused:
        return refused.reply
    finally:
        body.close()
