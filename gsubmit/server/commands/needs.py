"""What commands need before they are carried out. Each need owns its reply."""

from __future__ import annotations

import time

from gsubmit.server.commands.auth import log_in_by_certificate
from gsubmit.server.session import UNGREETED, Session
from gsubmit.smtp.command import Command
from gsubmit.smtp.replies import (
    ALREADY_AUTHENTICATED,
    AUTH_IN_TRANSACTION,
    AUTH_REQUIRED,
    BINARY_NEEDS_BDAT,
    CHUNK_FAILED,
    CHUNKS_BEGUN,
    HELLO_FIRST,
    MAIL_FIRST,
    MAIL_GIVEN,
    MISSING_ARGUMENT,
    NO_PARAMETERS,
    NO_RECIPIENTS,
    TLS_ACTIVE,
    TLS_REQUIRED,
    TLS_UNAVAILABLE,
)
from gsubmit.smtp.reply import Refused


def no_argument(_: Session, command: Command) -> None:
    """DATA, RSET, QUIT and STARTTLS stand alone (RFC 5321 4.1.1)."""
    if command.argument:
        raise Refused(NO_PARAMETERS)


def argument(_: Session, command: Command) -> None:
    """VRFY needs something to verify."""
    if not command.argument:
        raise Refused(MISSING_ARGUMENT)


def tls(session: Session, _: Command) -> None:
    """With `ssl = required` only EHLO, STARTTLS, NOOP and QUIT come before TLS (RFC 3207 4)."""
    if session.service.settings.ssl.ssl == "required" and session.wire.tls is None:
        raise Refused(TLS_REQUIRED)


def no_tls_yet(session: Session, _: Command) -> None:
    """STARTTLS once, and only with a certificate (RFC 3207 4.2)."""
    if session.wire.tls is not None:
        raise Refused(TLS_ACTIVE)
    if session.service.tls is None:
        raise Refused(TLS_UNAVAILABLE)


def login(session: Session, _: Command) -> None:
    """Nobody submits without a login (RFC 6409 4.3)."""
    if session.login is None:
        raise Refused(AUTH_REQUIRED)


def login_for_mail(session: Session, command: Command) -> None:
    """The same; a client's certificate may do for AUTH (submission_client_workarounds: implicit-auth-external)."""
    workarounds = session.service.settings.submission.submission_client_workarounds
    if session.login is None and "implicit-auth-external" in workarounds:
        log_in_by_certificate(session)
    login(session, command)


def no_login_yet(session: Session, _: Command) -> None:
    """One AUTH succeeds in a session (RFC 4954 4)."""
    if session.login is not None:
        raise Refused(ALREADY_AUTHENTICATED)


def hello(session: Session, _: Command) -> None:
    """EHLO or HELO comes before mail (RFC 5321 4.1.4)."""
    if session.greeting is UNGREETED:
        raise Refused(HELLO_FIRST)


def no_transaction(session: Session, _: Command) -> None:
    """One MAIL in a transaction (RFC 5321 4.1.4). Whether the first one was refused must be known here."""
    if session.transaction is not None:
        session.transaction.delivery.sender.reply()
    if session.live_transaction() is not None:
        raise Refused(MAIL_GIVEN)


def no_transaction_for_auth(session: Session, _: Command) -> None:
    """No AUTH within a transaction (RFC 4954 4)."""
    if session.transaction is not None:
        session.transaction.delivery.sender.reply()
    if session.live_transaction() is not None:
        raise Refused(AUTH_IN_TRANSACTION)


def transaction(session: Session, _: Command) -> None:
    """MAIL comes before RCPT and content (RFC 5321 3.3)."""
    if session.live_transaction() is None:
        raise Refused(MAIL_FIRST)


def unspoiled(session: Session, _: Command) -> None:
    """After a failed chunk only RSET helps (RFC 3030 2)."""
    if session.transaction is not None and session.transaction.is_spoiled:
        raise Refused(CHUNK_FAILED)


def no_chunks(session: Session, _: Command) -> None:
    """After BDAT neither RCPT nor DATA (RFC 3030 2)."""
    if session.transaction is not None and session.transaction.has_chunks:
        raise Refused(CHUNKS_BEGUN)


def not_binary(session: Session, _: Command) -> None:
    """BODY=BINARYMIME goes with BDAT only (RFC 3030 3)."""
    assert session.transaction is not None
    if session.transaction.envelope.sender.params.body == "BINARYMIME":
        raise Refused(BINARY_NEEDS_BDAT)


def recipients(session: Session, _: Command) -> None:
    """Content needs a recipient that the relay took; all its answers are awaited here (RFC 5321 3.3, RLY-9)."""
    assert session.transaction is not None
    try:
        accepted = session.transaction.delivery.accepted()
        session.transaction.moved_at = time.monotonic()  # the relay's time is not the client's
    finally:
        current = session.live_transaction()  # None when the answers made it void
    if current is None:
        raise Refused(MAIL_FIRST)
    session.transaction.envelope.recipients = accepted
    if not accepted:
        raise Refused(NO_RECIPIENTS)
