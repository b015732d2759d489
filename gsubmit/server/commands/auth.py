"""AUTH (RFC 4954)."""

from __future__ import annotations

import logging
import time
from base64 import b64encode
from typing import TYPE_CHECKING

from gsubmit.auth import restrictions
from gsubmit.auth.passdb import Denied, Unavailable
from gsubmit.auth.restrictions import Disabled
from gsubmit.sasl import base64
from gsubmit.sasl.mechanism import Cleartext, Exchange, MalformedResponse, Mechanism
from gsubmit.server import journal
from gsubmit.server.wire import LineTooLong
from gsubmit.smtp.command import Command
from gsubmit.smtp.replies import (
    AUTH_ABORTED,
    AUTH_DISABLED,
    AUTH_FAILED,
    AUTH_LINE_TOO_LONG,
    AUTH_MALFORMED,
    AUTH_UNAVAILABLE,
    BAD_AUTH_SYNTAX,
    LOGGED_IN,
    MECHANISM_NEEDS_TLS,
    MISSING_MECHANISM,
    NO_INITIAL_RESPONSE,
    UNKNOWN_MECHANISM,
)
from gsubmit.smtp.reply import Refused, Reply

if TYPE_CHECKING:
    from gsubmit.server.session import Session

_log = logging.getLogger("gsubmit.auth")


def auth(session: Session, command: Command) -> Reply:
    """Run the mechanism's exchange and ask the passdbs."""
    name, _, initial_response = command.argument.partition(" ")
    if not name:
        raise Refused(MISSING_MECHANISM)
    if " " in initial_response:
        raise Refused(BAD_AUTH_SYNTAX)
    mechanism = session.service.mechanisms.get(name.upper())
    if mechanism is None:
        raise Refused(UNKNOWN_MECHANISM)
    if mechanism.cleartext and not session.is_secured:
        journal.login_refused(session, mechanism.name, "tried to use disallowed plaintext auth")
        raise Refused(MECHANISM_NEEDS_TLS)
    if mechanism.server_first and initial_response:
        raise Refused(NO_INITIAL_RESPONSE)
    try:
        credentials = _converse(session, mechanism.start(), initial_response)
    except MalformedResponse as malformed:
        raise Refused(AUTH_MALFORMED) from malformed
    return _verify(session, mechanism, credentials)


def _converse(session: Session, exchange: Exchange, initial_response: str) -> Cleartext:
    """Carry challenges and responses between the mechanism and the client."""
    challenge = next(exchange)
    text = initial_response
    try:
        while True:
            if not text:
                session.wire.send(Reply(334, "", b64encode(challenge).decode("ascii")))
                text = _response(session)
            elif text == "=":  # present but empty, and only as an initial response (RFC 4954 4)
                text = ""
            challenge = exchange.send(base64.decode(text))
            text = ""
    except StopIteration as done:
        credentials: Cleartext = done.value
        return credentials


def _response(session: Session) -> str:
    try:
        line = session.wire.read_line(secret=True)
    except LineTooLong as error:
        raise Refused(AUTH_LINE_TOO_LONG) from error
    if line == b"*":
        raise Refused(AUTH_ABORTED)
    if not line.isascii() or line == b"=":
        raise Refused(AUTH_MALFORMED)
    return line.rstrip(b" \t").decode("ascii")


def _verify(session: Session, mechanism: Mechanism, credentials: Cleartext) -> Reply:
    session.wire.flush()
    try:
        with session.service.logins.turn(session.ends.remote_ip):
            identity = session.service.chain.verify(credentials)
        restrictions.check(identity, session.ends.remote_ip)
    except Unavailable as unavailable:
        _log.error("%s", unavailable.reason, extra={"prefix": session.label})
        return AUTH_UNAVAILABLE
    except Denied as denied:
        journal.login_failed(session, credentials.authentication_id, mechanism.name, denied.reason)
        time.sleep(session.service.settings.auth.auth_failure_delay)
        if isinstance(denied, Disabled):
            return Reply(AUTH_DISABLED.code, AUTH_DISABLED.status, journal.safe(denied.text) or AUTH_DISABLED.text)
        return AUTH_FAILED
    session.identity = identity
    session.forget_client()
    session.mechanism = mechanism.name
    session.stop_login_timer()
    journal.logged_in(session)
    return LOGGED_IN
