"""The operator's log: a few named events of a session, in the words of Dovecot's login service."""

from __future__ import annotations

import logging
import time

from gsubmit.logs.text import safe_name, safe_words
from gsubmit.message import header
from gsubmit.proxy.attempt import Backend
from gsubmit.server.session import Login, Session
from gsubmit.server.transaction import Transaction
from gsubmit.settings.variables import expand
from gsubmit.smtp.address import path_text
from gsubmit.smtp.reply import Reply

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
    _log.info("Login: %s", _who(session, identity.user, login.mechanism, identity.master_user), extra=_LOGIN)


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


def login_refused(session: Session, method: str, reason: str) -> None:
    """A login was not even tried, for instance because it would have shown a password to the network."""
    session.attempts.method, session.attempts.reason = method, reason


def ended(session: Session, how: str) -> None:
    """The connection is over."""
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
        }
        figures = expand(session.service.settings.submission.submission_logout_format, values)
        _log.info("Disconnected: %s %s", safe_words(how), figures, extra={"prefix": session.label})
        return
    attempts = session.attempts
    if attempts.failed:
        seconds = int(time.monotonic() - attempts.first)
        what = f"Aborted login (auth failed, {attempts.failed} attempts in {seconds} secs)"
    elif attempts.reason:
        what = f"Aborted login ({attempts.reason})"
    else:
        what = f"Disconnected: {safe_words(how)} (no auth attempts in {int(session.age)} secs)"
    _log.info("%s: %s", what, _who(session, attempts.user, attempts.method), extra=_LOGIN)


def submitted(session: Session, transaction: Transaction, reply: Reply) -> None:
    """A message got its final reply."""
    envelope = transaction.envelope
    _log.info(
        "%s message: id=%s, from=%s, nrcpt=%d, size=%d, msgid=%s, relay=%s, reply=`%s'",
        "Failed to relay" if reply.refuses else "Relayed",
        transaction.id,
        f"<{safe_name(path_text(envelope.sender.reverse_path)[1:-1])}>",
        len(envelope.recipients),
        transaction.body.size,
        header.message_id(transaction.body.head()).replace(",", "?"),
        transaction.delivery.facts,
        reply,
        extra={"prefix": session.label},
    )
