"""What commands need before they are carried out. Each need owns its reply, and only looks."""

from __future__ import annotations

from gsubmit.server.session import UNGREETED, Login, Session
from gsubmit.server.transaction import Transaction
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
    NO_FRONT_END,
    NO_PARAMETERS,
    NOT_IMPLEMENTED,
    TLS_ACTIVE,
    TLS_REQUIRED,
    TLS_TOO_LATE,
    TLS_UNAVAILABLE,
    XCLIENT_TOO_LATE,
)
from gsubmit.smtp.reply import Refused


def no_argument(_: Session, argument: str) -> None:
    """DATA, RSET, QUIT and STARTTLS stand alone (RFC 5321 4.1.1)."""
    if argument:
        raise Refused(NO_PARAMETERS)


def argument(_: Session, argument: str) -> None:
    """VRFY needs something to verify."""
    if not argument:
        raise Refused(MISSING_ARGUMENT)


def tls(session: Session, _: str) -> None:
    """With `ssl = required` only EHLO, STARTTLS, NOOP and QUIT come before TLS (RFC 3207 4)."""
    if session.service.settings.ssl.ssl == "required" and not session.has_tls:
        raise Refused(TLS_REQUIRED)


def no_tls_yet(session: Session, _: str) -> None:
    """STARTTLS once, and only with a certificate (RFC 3207 4.2)."""
    if session.has_tls:
        raise Refused(TLS_ACTIVE)
    if session.ends.peer_ip:  # said in clear text, it would have to be forgotten (RFC 3207 4.2, XCL-7)
        raise Refused(TLS_TOO_LATE)
    if session.service.tls is None:
        raise Refused(TLS_UNAVAILABLE)


def login(session: Session, _: str) -> Login:
    """Nobody submits without a login (RFC 6409 4.3)."""
    if session.login is None:
        raise Refused(AUTH_REQUIRED)
    return session.login


def submitter(session: Session, _: str) -> None:
    """For mail: TLS where it is required, EHLO or HELO (RFC 5321 4.1.4), and a login, in one for speed."""
    if session.service.settings.ssl.ssl == "required" and not session.has_tls:
        raise Refused(TLS_REQUIRED)
    if session.greeting is UNGREETED:
        raise Refused(HELLO_FIRST)
    if session.login is None:
        raise Refused(AUTH_REQUIRED)


def front_end(session: Session, _: str) -> None:
    """XCLIENT is for login_trusted_networks, and before the login (XCL-4, XCL-10)."""
    if not session.service.trusted_networks:
        raise Refused(NOT_IMPLEMENTED)
    if not session.is_front_end:
        raise Refused(NO_FRONT_END)
    if session.login is not None:
        raise Refused(XCLIENT_TOO_LATE)


def no_login_yet(session: Session, _: str) -> None:
    """One AUTH succeeds in a session (RFC 4954 4)."""
    if session.login is not None:
        raise Refused(ALREADY_AUTHENTICATED)


def no_transaction(session: Session, _: str) -> None:
    """One MAIL in a transaction (RFC 5321 4.1.4)."""
    if session.transaction is not None:
        raise Refused(MAIL_GIVEN)


def no_transaction_for_auth(session: Session, _: str) -> None:
    """No AUTH within a transaction (RFC 4954 4)."""
    if session.transaction is not None:
        raise Refused(AUTH_IN_TRANSACTION)


def unspoiled(session: Session, _: str) -> None:
    """After a failed chunk only RSET helps (RFC 3030 2)."""
    if session.transaction is not None and session.transaction.spoiled:
        raise Refused(CHUNK_FAILED)


def transaction(session: Session) -> Transaction:
    """MAIL comes before RCPT and content (RFC 5321 3.3), and no failed chunk."""
    transaction = session.live_transaction()
    if transaction is None:
        raise Refused(MAIL_FIRST)
    if transaction.spoiled:
        raise Refused(CHUNK_FAILED)
    return transaction


def no_chunks(_: Session, transaction: Transaction) -> None:
    """After BDAT neither RCPT nor DATA (RFC 3030 2)."""
    if transaction.has_content:
        raise Refused(CHUNKS_BEGUN)


def not_binary(_: Session, transaction: Transaction) -> None:
    """BODY=BINARYMIME goes with BDAT only (RFC 3030 3)."""
    if transaction.envelope.sender.params.body == "BINARYMIME":
        raise Refused(BINARY_NEEDS_BDAT)
