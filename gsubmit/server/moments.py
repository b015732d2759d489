"""When plugins are asked in a session, what they are shown of it, and what their changes lead to."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

from gsubmit.message.body import MessageBody
from gsubmit.message.draft import Draft, HeaderTooLong
from gsubmit.plugins.mail import Bounds, Mail
from gsubmit.plugins.runner import TOTAL_TIME, PluginFailed, Running
from gsubmit.server.amend import amend
from gsubmit.server.session import Login, Session
from gsubmit.server.transaction import Transaction
from gsubmit.smtp.address import Address
from gsubmit.smtp.envelope import Envelope, Handling, Recipient, Sender
from gsubmit.smtp.reply import Refused, Reply

_log = logging.getLogger("gsubmit.plugins")


def connected(session: Session) -> Reply | None:
    """The reply in place of the greeting, if a plugin has one."""
    return session.service.plugins.ask("connected", session.id, session.as_plugins_see)


def authenticated(session: Session, login: Login) -> None:
    """A login that was right. Raises Refused."""
    identity = login.identity
    client = replace(
        session.as_plugins_see,
        user=identity.user,
        master_user=identity.master_user,
        mechanism=login.mechanism,
        fields=MappingProxyType(dict(identity.fields)),
    )
    verdict = session.service.plugins.ask("authenticated", session.id, client)
    if verdict is not None:
        raise Refused(verdict)


def sender(session: Session, sender: Sender) -> Handling:
    """MAIL, before the relay hears of it; what plugins ask for. Raises Refused."""
    envelope, draft = Envelope(sender), _nothing(session)
    bounds = Bounds(session.service.relay_names, may_choose=True)
    deadline = time.monotonic() + TOTAL_TIME
    for running in session.service.plugins.sender:
        mail = Mail(session.next_id, session.as_plugins_see, envelope, draft, bounds)
        if _holds(session, running, "sender", deadline, mail):
            envelope = mail.envelope
    return envelope.handling or Handling()


def recipient(session: Session, transaction: Transaction, recipient: Recipient) -> None:
    """RCPT, before the relay hears of it. Raises Refused."""
    deadline = time.monotonic() + TOTAL_TIME
    try:
        for running in session.service.plugins.recipient:
            mail = Mail(transaction.id, session.as_plugins_see, transaction.envelope, _nothing(session), Bounds())
            if _holds(session, running, "recipient", deadline, mail, recipient):
                transaction.envelope.handling = mail.envelope.handling
    finally:
        transaction.moved_at = time.monotonic()  # the plugins' time is not the client's


def message(session: Session, transaction: Transaction, draft: Draft) -> None:
    """A complete message: each plugin has what those before have made of it. Raises Refused, HeaderTooLong."""
    _ = draft.fields  # split here, where others can run meanwhile, and not in a thread
    service = session.service
    bounds = _of_message(service.relay_names, session.greeting.situation.size)
    wanted = transaction.envelope
    required: frozenset[Address] = frozenset()
    deadline = time.monotonic() + TOTAL_TIME
    for running in service.plugins.message:
        mail = Mail(transaction.id, session.as_plugins_see, wanted, draft, bounds)
        holds = False
        try:
            holds = _holds(session, running, "message", deadline, mail)
        finally:
            if not holds:
                mail.drop()
        if not holds:
            continue
        required |= mail.required
        if mail.has_own_draft:
            draft.adopt(mail.draft)
        if mail.has_own_envelope:
            if mail.envelope.recipients != wanted.recipients or mail.envelope.sender != wanted.sender:
                service.plugins.amending.add(running.name)
            wanted = mail.envelope
    if wanted is not transaction.envelope:
        amend(session, transaction, wanted, required)


def submitted(session: Session, transaction: Transaction, reply: Reply) -> None:
    """What became of a message; asked in the background, of what is then left of it: envelope, header and size."""
    content = transaction.content
    draft = content if isinstance(content, Draft) else Draft(transaction.body)
    kept = _nothing(session)
    try:
        kept.edit(draft.fields)
    except HeaderTooLong:
        kept.edit(())
    kept.size = draft.size
    mail = Mail(transaction.id, session.as_plugins_see, transaction.envelope, kept, Bounds())
    session.service.plugins.later("submitted", transaction.id, mail, reply)


def ended(session: Session) -> None:
    """The end of a session; asked in the background."""
    session.service.plugins.later("ended", session.id, session.as_plugins_see)


def _holds(session: Session, running: Running, moment: str, deadline: float, mail: Mail, *more: object) -> bool:
    """Ask one plugin; whether what it has changed is in force. Raises Refused."""
    plugins, holds = session.service.plugins, True
    try:
        verdict = plugins.said(running, moment, deadline, mail, *more)
        if moment == "message" and not mail.envelope.recipients:
            raise PluginFailed("no recipient is left")
    except plugins.passes:
        raise
    except BaseException as error:
        verdict, holds = plugins.failed(running, moment, mail.id, error), False
    if verdict is not None:
        raise Refused(verdict)
    return holds


@lru_cache(maxsize=8)
def _of_message(relays: frozenset[str], max_size: int) -> Bounds:
    return Bounds(relays, max_size, may_edit=True, may_choose=True)


def _nothing(session: Session) -> Draft:
    """Where there is no message yet, or no more."""
    return Draft(MessageBody(session.service.settings.server.mail_temp_dir))
