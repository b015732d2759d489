"""The operator's log: a few named events of a session, in the words of Dovecot's login service."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence

from gsubmit.auth.names import values as user_values
from gsubmit.logs.failures import log_failure
from gsubmit.logs.output import say
from gsubmit.logs.text import safe_name, safe_names, safe_words
from gsubmit.message import header
from gsubmit.message.content import Content
from gsubmit.metrics import current
from gsubmit.metrics.figures import MESSAGES, RECIPIENTS
from gsubmit.proxy.attempt import Backend
from gsubmit.relay.refusal import log_refused_words
from gsubmit.server import outcome
from gsubmit.server.session import Login, Session
from gsubmit.server.transaction import Transaction
from gsubmit.settings.variables import expand
from gsubmit.smtp.address import MAX_PATH, path_text
from gsubmit.smtp.envelope import Recipient
from gsubmit.smtp.replies import CHUNK_FAILED
from gsubmit.smtp.reply import Refused, Reply

UNFINISHED = "client didn't finish SASL auth"
LOGGED_OUT = "Logged out"  # how a session ends by QUIT
LISTED = 10  # recipients in one line

_log = logging.getLogger("gsubmit.session")
_LOGIN = {"prefix": "submission-login"}


def _who(session: Session, user: str, method: str, master_user: str = "") -> str:
    """The elements of Dovecot's login_log_format_elements."""
    ends = session.ends
    parts = [f"user=<{safe_name(user)}>"]
    if master_user:
        parts.append(f"master=<{safe_name(master_user)}>")
    if method:
        parts.append(f"method={method}")
    parts += [f"rip={ends.remote_ip}", f"lip={ends.local_ip}"]
    if session.has_tls:
        parts.append("TLS")
    elif session.is_secured:
        parts.append("secured")
    parts.append(f"session=<{session.id}>")
    return ", ".join(parts)


def logged_in(session: Session, login: Login) -> None:
    """A login succeeded."""
    identity = login.identity
    say("submission-login", f"Login: {_who(session, identity.user, login.mechanism, identity.master_user)}")


def proxied(session: Session, backend: Backend) -> None:
    """A login succeeded at a backend, which serves the client from now on."""
    login = session.login
    assert login is not None
    who = _who(session, login.identity.user, login.mechanism, login.identity.master_user)
    there = backend.login
    whom = f" as user {safe_name(there.user)}" if there.user != login.identity.user else ""
    whom += f" (master {safe_name(there.master_user)})" if there.master_user else ""
    text = "Started proxying to remote host %s from %s%s: %s"
    _log.info(text, backend.name, backend.source, whom, who, extra=_LOGIN)


def introduced(session: Session, user: str) -> None:
    """A front end has named a user by XCLIENT, which is no login here."""
    who = _who(session, user, "")
    _log.info("XCLIENT from %s, whose LOGIN is no login here: %s", session.ends.peer_ip, who, extra=_LOGIN)


def login_begun(session: Session) -> None:
    """A login is tried; what the first one came to is told with the time since then, as in Dovecot."""
    if not session.attempts.first:
        session.attempts.first = time.monotonic()


def login_failed(session: Session, user: str, method: str, reason: str) -> None:
    """A login did not succeed; the line about it comes when the session ends, unless auth_verbose asks for one now."""
    attempts = session.attempts
    attempts.failed += 1
    attempts.user, attempts.method, attempts.reason = user, method, "auth failed"
    if session.service.settings.auth.auth_verbose:
        _log.info("Login failed: %s: %s", safe_words(reason), _who(session, user, method), extra=_LOGIN)


def login_unavailable(session: Session, user: str, method: str, reason: str) -> None:
    """A login came to nothing, and not by the client's fault: a passdb or backend is down, say."""
    login_refused(session, method, "auth service reported temporary failure", user)
    who = _who(session, user, method)
    log_failure("%s: %s", safe_words(reason), who, extra=_LOGIN, level=logging.ERROR)


def login_refused(session: Session, method: str, reason: str, user: str = "") -> None:
    """A login was not even tried, for instance because it would have shown a password to the network."""
    attempts = session.attempts
    attempts.user, attempts.method, attempts.reason = user or attempts.user, method, reason


def ended(session: Session, how: str, state: str = "") -> None:
    """The connection is over; `state` is that of the transaction which was open then."""
    login = session.login
    if login is not None and login.backend:
        how = safe_words(how if how.startswith("by ") else f"by proxy: {how}")
        figures = f"in={session.wire.octets_in} out={session.wire.octets_out}"
        who = _who(session, login.identity.user, login.mechanism, login.identity.master_user)
        _log.info("Disconnected %s, %s: %s", how, figures, who, extra=_LOGIN)
        return
    if login is not None:
        values = {
            "input": str(session.wire.octets_in),
            "output": str(session.wire.octets_out),
            "session": session.id,
            "command_count": str(session.commands),
            "reply_count": str(session.wire.replies),
            "transaction_id": session.transaction.id if session.transaction else "",
            **user_values(safe_name(login.identity.user)),
            "service": "submission",
            "local_ip": session.ends.local_ip,
            "remote_ip": session.ends.remote_ip,
            "hostname": session.service.settings.server.hostname,
            "pid": str(os.getpid()),
        }
        figures = expand(session.service.settings.submission.submission_logout_format, values)
        what = safe_words(how) if how == LOGGED_OUT else f"{safe_words(how)} (state={state or 'READY'})"
        say(session.label, f"Disconnected: {what} {figures}")
        return
    attempts = session.attempts
    seconds = int(time.monotonic() - attempts.first)
    if attempts.failed:
        what = f"Aborted login (auth failed, {attempts.failed} attempts in {seconds} secs)"
    elif attempts.reason == UNFINISHED:
        what = f"Aborted login ({UNFINISHED}, waited {seconds} secs)"
    elif attempts.reason:
        what = f"Aborted login ({attempts.reason})"
    else:
        what = f"Disconnected: {safe_words(how)} (no auth attempts in {int(session.age)} secs)"
    _log.info("%s: %s", what, _who(session, attempts.user, attempts.method), extra=_LOGIN)


# Messages


def submitted(session: Session, transaction: Transaction, reply: Reply) -> None:
    """A message got its final reply from the relay."""
    relay = transaction.delivery.facts
    if reply.refuses:
        not_relayed(session, transaction, f"relay={relay}, by=relay, reply=`{reply}'")
        return
    recipients = transaction.envelope.recipients
    more = f",({len(recipients) - LISTED} more)" if len(recipients) > LISTED else ""
    about = _about(transaction, recipients[:LISTED], len(recipients), more)
    say(session.label, f"Relayed message: {about}, relay={relay}, reply=`{reply}'")


def discarded(session: Session, transaction: Transaction) -> None:
    """A script has thrown a message away."""
    recipients = transaction.envelope.recipients
    say(session.label, f"Discarded message: {_about(transaction, recipients[:LISTED], len(recipients))}, by=sieve")


def filtered(session: Session, transaction: Transaction, deeds: Sequence[str]) -> None:
    """Scripts have asked for something else than that a message goes its way."""
    say(session.label, f"Filtered message: id={transaction.id}, {', '.join(deeds)}")


def not_relayed(session: Session, transaction: Transaction, why: str) -> None:
    """A message got as far as having recipients, and is not relayed; each ten of them have a line of their own."""
    recipients = transaction.delivery.not_refused
    for first in range(0, len(recipients), LISTED):
        about = _about(transaction, recipients[first : first + LISTED], len(recipients))
        log_failure("Failed to relay message: %s, %s", about, why, extra={"prefix": session.label})


def _about(transaction: Transaction, listed: Sequence[Recipient], number: int, more: str = "") -> str:
    """The fields of a message, which has so many recipients; `more` stands behind those that are listed."""
    sender = safe_name(path_text(transaction.envelope.sender.reverse_path)[1:-1])
    to = safe_names([str(recipient.forward_path) for recipient in listed]) + more
    body = transaction.content
    return f"id={transaction.id}, from=<{sender}>, nrcpt={number}, to={to}, size={body.size}, msgid={_message_id(body)}"


def _message_id(body: Content) -> str:
    try:
        return header.message_id(body.head()).replace(",", "?")
    except OSError:  # what cannot be read any more ends a session, and that has a line too
        return ""


def refused(session: Session, transaction: Transaction | None, line: bytes, refusal: Refused) -> None:
    """A command was refused, and not by a promise. `transaction` is the one that was open before it.

    MAIL and RCPT have a line each, but only the first without a login. Where their message is lost by it, that has one
    as well.
    """
    how = f"by={refusal.by}, reply=`{refusal.reply}'"
    verb = line[:4].upper().decode("ascii", "replace")
    if verb in ("MAIL", "RCPT"):
        _command_refused(session, transaction, line, how)
        if session.login is not None:
            current.row[(MESSAGES if verb == "MAIL" else RECIPIENTS).at(outcome.refusal(refusal))] += 1
    if transaction is None or refusal.reply is CHUNK_FAILED:
        return
    if session.transaction is None or verb in ("DATA", "BDAT", "BURL"):
        not_relayed(session, transaction, how)


def _command_refused(session: Session, transaction: Transaction | None, line: bytes, how: str) -> None:
    """One line, with the address as the client wrote it."""
    prefix = session.label
    if session.login is None:
        if session.attempts.has_mail:
            return
        session.attempts.has_mail = True
        prefix, how = "submission-login", f"{how}: {_who(session, '', '')}"
    said = line[4:].decode("utf-8", "replace").partition(":")[2].lstrip()
    path = (said[1:].partition(">") if said.startswith("<") else said.partition(" "))[0][:MAX_PATH]
    if line[:4].upper() == b"MAIL":
        log_refused_words("MAIL", path, None, how, prefix)
        return
    sender = path_text(transaction.envelope.sender.reverse_path)[1:-1] if transaction is not None else None
    log_refused_words("RCPT", sender, path, how, prefix)


def sender_not_allowed(session: Session, address: str, rule: str, action: str) -> None:
    """An address is not the user's, or none could be read; `rule` says where it stands or what is wrong."""
    assert session.login is not None
    user, address = safe_name(session.login.identity.user), safe_name(address)
    text = f"Sender not allowed: user=<{user}>, from=<{address}>, rule={safe_words(rule)}, action={action}"
    say(session.label, text)


def unfinished(session: Session, why: str) -> str:
    """The open transaction is about to end without its message; how far it had come, empty without one."""
    transaction = session.transaction
    if transaction is None:
        return ""
    if not transaction.spoiled:  # which was a refusal, and logged
        not_relayed(session, transaction, f"state={transaction.state}, reason=`{safe_words(why)}'")
    return transaction.state
