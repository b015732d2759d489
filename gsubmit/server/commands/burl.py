"""BURL: a message, or a piece of one, that the client has on an IMAP server already (RFC 4468)."""

from __future__ import annotations

from functools import partial

from gsubmit.burl.access import Submitter
from gsubmit.server.commands import needs
from gsubmit.server.commands.content import spoil
from gsubmit.server.session import Login, Session
from gsubmit.server.submit import submit
from gsubmit.server.transaction import Transaction
from gsubmit.server.wire import Closed
from gsubmit.smtp.piece import BurlArgument
from gsubmit.smtp.replies import BURL_UNAVAILABLE
from gsubmit.smtp.reply import Refused, Reply


def offered(session: Session, _: str) -> None:
    """Only where there is an IMAP server to ask for this user."""
    if parameters(session) is None:
        raise Refused(BURL_UNAVAILABLE)


def parameters(session: Session) -> str | None:
    """Those of the keyword, as it is for the client now; None without BURL."""
    submitter = _submitter(session, session.login) if session.login is not None else None
    return session.service.resolver.parameters(submitter)


def burl(session: Session, transaction: Transaction, argument: BurlArgument) -> Reply | None:
    """Fetch what the URL leads to; with LAST pass the message on."""
    submitter = _submitter(session, needs.login(session, ""))
    session.wire.flush()
    is_first = not transaction.has_content
    transaction.has_content = True
    try:
        octets = session.service.resolver.fetch(argument.url, submitter, transaction, session.label)
        if transaction.fault is not None:
            raise Refused(transaction.fault)
    except Refused as refused:
        spoil(session, argument, refused)
        raise
    if argument.is_last:
        if is_first and session.service.sent is not None:
            host = session.service.sent.host
            transaction.envelope.mailbox = session.service.resolver.mailbox(argument.url, submitter, host)
        if session.wire.has_left():  # that may have taken minutes: whoever gave up will send it again
            raise Closed("closed by the client before its message had come")
        return submit(session, transaction)
    return Reply(250, "2.5.0", f"Added {octets} octets")


def _submitter(session: Session, login: Login) -> Submitter:
    user = login.identity.user
    return Submitter(user, partial(session.service.chain.names.is_of, user), login.password)
