"""RSET, NOOP, VRFY, QUIT, and what is known but not offered (RFC 5321 4.1.1)."""

from __future__ import annotations

from gsubmit.server.commands import steps
from gsubmit.server.session import Session
from gsubmit.smtp.replies import BYE, CANNOT_VERIFY, NOT_IMPLEMENTED, OK
from gsubmit.smtp.reply import Reply


def rset(session: Session, _: str) -> Reply:
    """Drop the transaction; EHLO, TLS and login stay (STA-5)."""
    steps.give_up_transaction(session, "RSET")
    return OK


def noop(_: Session, __: str) -> Reply:
    """Nothing, whatever the argument says (CMD-18)."""
    return OK


def vrfy(session: Session, argument: str) -> Reply:
    """The relay's answer, when the relay offers VRFY (RLY-14)."""
    relay = session.service.relay
    if "VRFY" in relay.capabilities() and argument.isascii():
        return relay.verify(argument, session.client, session.label)
    return CANNOT_VERIFY


def quit(session: Session, _: str) -> Reply:
    """Goodbye; an open transaction is dropped (STA-9)."""
    steps.give_up_transaction(session, "QUIT")
    return BYE


def not_implemented(_: Session, __: str) -> Reply:
    """Known, and not for a submission server (CMD-19, CMD-23)."""
    return NOT_IMPLEMENTED
