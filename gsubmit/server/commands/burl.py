"""BURL: a message, or a piece of one, that the client has on an IMAP server already (RFC 4468)."""

from __future__ import annotations

from functools import partial

from gsubmit.burl.access import Submitter
from gsubmit.server.session import Session
from gsubmit.server.submit import submit
from gsubmit.server.wire import Closed
from gsubmit.smtp.command import Command
from gsubmit.smtp.replies import BAD_BURL_SYNTAX, BURL_UNAVAILABLE
from gsubmit.smtp.reply import Refused, Reply


def offered(session: Session, _: Command) -> None:
    """Only where there is an IMAP server to ask for this user."""
    if session.service.resolver.parameters(submitter_of(session)) is None:
        raise Refused(BURL_UNAVAILABLE)


def good_syntax(_: Session, command: Command) -> None:
    """A URL, and perhaps LAST."""
    url, __, marker = command.argument.partition(" ")
    if not url or marker.strip().upper() not in ("", "LAST"):
        raise Refused(BAD_BURL_SYNTAX)


def burl(session: Session, command: Command) -> Reply | None:
    """Fetch what the URL leads to; with LAST pass the message on."""
    url, _, marker = command.argument.partition(" ")
    transaction = session.transaction
    submitter = submitter_of(session)
    assert transaction is not None
    assert submitter is not None
    session.wire.flush()
    transaction.has_chunks = True
    try:
        octets = session.service.resolver.fetch(url, submitter, transaction, session.label)
        if transaction.fault is not None:
            raise Refused(transaction.fault)
    except Refused:
        refuse(session, command)
        raise
    if marker:
        if session.wire.has_left():  # that may have taken minutes: whoever gave up will send it again
            raise Closed("closed by the client before its message had come")
        return submit(session)
    return Reply(250, "2.5.0", f"Added {octets} octets")


def refuse(session: Session, command: Command) -> None:
    """One piece missing spoils the whole (RFC 4468 3.2); with LAST there is nothing more to come."""
    if session.transaction is None or session.transaction.is_spoiled:
        return
    if command.argument.upper().endswith(" LAST"):
        session.wire.flush()  # the relay may still owe answers that were promised to the client
        session.end_transaction()
    else:
        session.transaction.is_spoiled = True


def submitter_of(session: Session) -> Submitter | None:
    """Who submits; None before the login."""
    if session.login is None:
        return None
    user = session.login.identity.user
    return Submitter(user, partial(session.service.chain.names.is_of, user), session.login.password)
