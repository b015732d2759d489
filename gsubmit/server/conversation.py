"""The dialog with one client, from the greeting to the last words; what is known of the client is in its Session."""

from __future__ import annotations

import logging
import time

from gsubmit.proxy.attempt import Backend
from gsubmit.server import elsewhere, journal, moments
from gsubmit.server.commands.starttls import begin_tls
from gsubmit.server.commands.table import execute
from gsubmit.server.session import Session
from gsubmit.server.waiting import Interrupted
from gsubmit.server.wire import Answer, Closed, LineTooLong, TimedOut
from gsubmit.smtp.replies import (
    BYE,
    INACTIVE,
    INTERNAL_ERROR,
    LINE_TOO_LONG,
    SHUTTING_DOWN,
    TOO_MANY_BAD_COMMANDS,
    TOO_MANY_COMMANDS,
    closing,
)
from gsubmit.smtp.reply import Disconnected, Reply

BY_CLIENT = "Connection closed"  # how a session ends as long as nothing else is known
LAST_WORDS_TIME = 5.0  # seconds to send the reply before we close
# A transaction without a recipient or content for so long ends, whatever else the client says; RFC 5321 4.5.3.2 gives
# each of its commands as much.
TRANSACTION_TIME = 300.0  # seconds
MAX_BAD_COMMANDS = 10  # in a row
MAX_COMMANDS_WITHOUT_LOGIN = 100  # as many as Postfix takes without effect (smtpd_junk_command_limit)
_BAD = frozenset({500, 501, 503})

_log = logging.getLogger("gsubmit")


def converse(session: Session, *, implicit_tls: bool = False) -> None:
    """Serve the client until the connection ends."""
    end = BY_CLIENT
    try:
        if implicit_tls:
            begin_tls(session)
        last = _dialog(session)
        if isinstance(last, Backend):
            end = elsewhere.serve(session, last)
        else:
            end = journal.LOGGED_OUT if last.code == BYE.code else last.text
            _say_last(session, last)
    except Closed as closed:
        end = f"Connection closed: {closed}"
    except TimedOut:
        end = INACTIVE.text
        _say_last(session, INACTIVE)
    except Interrupted as interrupted:
        session.wire.drop_replies()
        end = interrupted.reply.text
        _say_last(session, interrupted.reply)
    except Exception:
        end = "Internal error"
        _log.exception("internal error", extra={"prefix": session.label})
        _say_last(session, INTERNAL_ERROR)
    finally:
        session.is_over = True
        session.login_timer.cancel()
        state = journal.unfinished(session, end)
        session.end_transaction()
        session.leave()
        journal.ended(session, end, state)
        if session.service.plugins.ended:
            moments.ended(session)


def _dialog(session: Session) -> Reply | Backend:
    """Greet, and answer commands up to the one that ends the connection or the dialog.

    The reply to that is still to be sent, the backend's to a login among them.
    """
    wire = session.wire
    if session.service.plugins.connected and (refusal := moments.connected(session)) is not None:
        return refusal
    wire.send(session.service.greeting)
    bad_commands = without_login = 0
    while True:
        if session.is_stopping and not (session.transaction is not None and wire.has_input):
            wire.flush()
            raise Interrupted(SHUTTING_DOWN)
        try:
            answer = _answer(session)
        except Disconnected as disconnected:
            return disconnected.reply
        except elsewhere.HandedOver as handed_over:
            return handed_over.backend
        if session.transaction is not None and time.monotonic() - session.transaction.moved_at > TRANSACTION_TIME:
            return INACTIVE
        without_login += session.login is None
        if without_login > MAX_COMMANDS_WITHOUT_LOGIN:  # later a client may say NOOP to stay connected
            return TOO_MANY_COMMANDS
        if answer is None:
            continue
        if not isinstance(answer, Reply):
            bad_commands = 0
            wire.send(answer)
            continue
        bad_commands = bad_commands + 1 if answer.code in _BAD else 0
        if bad_commands > MAX_BAD_COMMANDS:
            answer = TOO_MANY_BAD_COMMANDS
        if answer.closes:
            return answer
        wire.send(answer)
        wire.flush()  # only promises gather: a known reply is not held back (RFC 2920 3.2)


def _answer(session: Session) -> Reply | Answer | None:
    """Read one command and carry it out. Raises Disconnected when the connection is to end after its reply."""
    try:
        line = session.wire.read_line()
    except LineTooLong as too_long:
        if too_long.start[:4].upper() == b"BDAT":  # what follows is no command (RFC 3030 2)
            raise Disconnected(LINE_TOO_LONG) from too_long
        return LINE_TOO_LONG
    session.commands += 1
    return execute(session, line)


def _say_last(session: Session, reply: Reply) -> None:
    """The reply before the end."""
    session.is_over = True
    session.login_timer.cancel()  # it must not end the last words
    wire = session.wire
    if reply.closes:
        reply = closing(reply, session.service.hostname)
    wire.timeout = min(wire.timeout, LAST_WORDS_TIME)
    try:
        wire.send(reply)
        wire.flush()
    except (Closed, TimedOut):
        return  # nobody hears it
    if reply.code != BYE.code:
        wire.linger()
