"""AUTH (RFC 4954)."""

from __future__ import annotations

import time
from base64 import b64encode
from dataclasses import replace

from gsubmit.auth.passdb import Unavailable
from gsubmit.auth.restrictions import Disabled
from gsubmit.logs.text import safe
from gsubmit.metrics import current
from gsubmit.metrics.figures import LOGINS
from gsubmit.sasl import base64
from gsubmit.sasl.claims import Denied, Elsewhere, Identity, MalformedResponse, Verdict
from gsubmit.sasl.mechanism import Exchange, Mechanism
from gsubmit.server import elsewhere, journal, moments
from gsubmit.server.authority import SessionAuthority
from gsubmit.server.elsewhere import DeniedElsewhere, HandedOver, UnavailableElsewhere
from gsubmit.server.logins import TooManyAtATime
from gsubmit.server.session import Login, Session
from gsubmit.server.wire import Closed, LineTooLong, TimedOut
from gsubmit.smtp.replies import (
    AUTH_ABORTED,
    AUTH_DISABLED,
    AUTH_FAILED,
    AUTH_LINE_TOO_LONG,
    AUTH_MALFORMED,
    AUTH_UNAVAILABLE,
    BAD_AUTH_SYNTAX,
    BINDING_USED,
    LOGGED_IN,
    MECHANISM_NEEDS_TLS,
    MISSING_MECHANISM,
    NO_INITIAL_RESPONSE,
    REFERRAL,
    TOO_MANY_FAILED_LOGINS,
    UNKNOWN_MECHANISM,
)
from gsubmit.smtp.reply import Disconnected, Refused, Reply

MAX_UNFINISHED = 10  # exchanges of SCRAM on a connection that end before the proof: each asks whether a user exists


def auth(session: Session, argument: str) -> Reply:
    """Run the mechanism's exchange, which asks the passdbs."""
    name, *responses = argument.split() or [""]
    if not name:
        raise Refused(MISSING_MECHANISM)
    if len(responses) > 1:
        raise Refused(BAD_AUTH_SYNTAX)
    initial_response = "".join(responses)
    mechanism = session.service.mechanisms.get(name.upper())
    if mechanism is None:
        raise Refused(UNKNOWN_MECHANISM)
    _check_connection(session, mechanism)
    if mechanism.server_first and initial_response:
        raise Refused(NO_INITIAL_RESPONSE)
    return log_in(session, mechanism, initial_response)


def _check_connection(session: Session, mechanism: Mechanism) -> None:
    """Refuse what cannot be done on this connection."""
    settings = session.service.settings.auth
    if mechanism.cleartext and not session.is_secured:
        journal.login_refused(session, mechanism.name, "tried to use disallowed plaintext auth")
        raise Refused(MECHANISM_NEEDS_TLS)
    if settings.auth_ssl_require_client_cert and not session.has_client_certificate:
        why = "client didn't send a cert" if session.has_tls else "cert required, client didn't start TLS"
        journal.login_refused(session, mechanism.name, why)
        raise Refused(AUTH_FAILED)
    if mechanism.name not in session.channel.offered:
        journal.login_refused(session, mechanism.name, "tried to use unsupported auth mechanism")
        raise Refused(UNKNOWN_MECHANISM)
    most = settings.auth_max_failures_per_connection
    if (most and session.attempts.failed >= most) or session.attempts.unfinished >= MAX_UNFINISHED:
        raise Disconnected(TOO_MANY_FAILED_LOGINS)
    if mechanism.binds and "tls-exporter" in session.channel.bindings:
        if session.attempts.has_bound:  # a binding is good for one exchange (RFC 9266 4.1)
            raise Disconnected(BINDING_USED)
        session.attempts.has_bound = True


def log_in(session: Session, mechanism: Mechanism, initial_response: str, *, may_go_elsewhere: bool = True) -> Reply:
    """One attempt. Raises Refused for every no, and what the wire raises where the client has gone.

    Raises HandedOver when another server has said yes, which serves the client from then on.
    """
    journal.login_begun(session)
    authority = SessionAuthority(session, mechanism)
    try:
        verdict = _converse(session, mechanism.start(authority, session.channel), initial_response)
        identity = verdict.identity
        backend = None
        if isinstance(verdict, Elsewhere):
            if not may_go_elsewhere:
                raise Unavailable("a login that the client did not ask for cannot go on at another server")
            backend = elsewhere.log_in(session, authority, identity)
    except (Denied, Unavailable, MalformedResponse, Refused, Closed, TimedOut) as end:
        _settle(session, authority, end)
        if isinstance(end, Denied | Unavailable | MalformedResponse):
            raise Refused(_reply(end)) from end
        raise
    authority.forgive()
    if session.service.plugins.authenticated:
        try:
            moments.authenticated(session, Login(identity, mechanism.name))
        except BaseException as end:
            if backend is not None:
                backend.sock.close()
            if isinstance(end, Refused):
                _count(mechanism, "failed")
                journal.login_refused(session, mechanism.name, f"a plugin: {end.reply}", identity.user)
            raise
    if backend is not None:
        session.welcome(Login(replace(identity, fields={}), mechanism.name, backend=backend.name))
        _count(mechanism, "ok")
        journal.proxied(session, backend)
        raise HandedOver(backend)
    return _welcome(session, authority, identity)


def _settle(session: Session, authority: SessionAuthority, end: Exception) -> None:
    """What an attempt leads to that came to nothing: the journal's word, the count, the delay."""
    denied = authority.denied  # the client has heard why, and need not go on (RFC 7628 3.2.3)
    if isinstance(end, Denied):
        denied = end
    elif isinstance(end, Unavailable):  # guessing is not free because one of several passdbs is missing
        denied = end.denied
    was_temporary = isinstance(end, Unavailable) and denied is None
    _count(authority.mechanism, "failed" if denied is not None else "temporary" if was_temporary else "unfinished")
    if isinstance(end, TooManyAtATime):  # a line of the log for each would be as many as there are guesses
        journal.login_refused(session, authority.mechanism.name, end.reason, authority.user)
    elif isinstance(end, Unavailable):
        journal.login_unavailable(session, authority.user, authority.mechanism.name, end.reason)
    elif denied is None and authority.is_unfinished:
        session.attempts.unfinished += 1
        journal.login_refused(session, authority.mechanism.name, journal.UNFINISHED, authority.user)
    if denied is not None:
        journal.login_failed(session, authority.user, authority.mechanism.name, denied.reason)
        authority.count(denied)
    was_asked = denied is not None or isinstance(end, Unavailable)  # another passdb may have compared the password
    has_left = isinstance(end, Closed | TimedOut)
    if was_asked and not has_left and not (isinstance(end, Denied) and end.nodelay):
        _hold_back(session, authority)


def _count(mechanism: Mechanism, result: str) -> None:
    current.row[LOGINS.at(mechanism.name, result)] += 1


def _reply(end: Denied | Unavailable | MalformedResponse) -> Reply:
    """What the client hears."""
    match end:
        case DeniedElsewhere() | UnavailableElsewhere():
            return end.reply
        case Disabled(referral=referral) if referral:
            return REFERRAL.with_text(f"{safe(referral)} Referral")
        case Disabled(text=text):
            return AUTH_DISABLED.with_text(safe(text) or AUTH_DISABLED.text)
        case Denied():
            return AUTH_FAILED
        case Unavailable():
            return AUTH_UNAVAILABLE
    return AUTH_MALFORMED


def _hold_back(session: Session, authority: SessionAuthority) -> None:
    """Let the answer come always equally long after the passdbs were asked."""
    delay = authority.since + session.service.settings.auth.auth_failure_delay - time.monotonic()
    if delay > 0:
        time.sleep(delay)


def _welcome(session: Session, authority: SessionAuthority, identity: Identity) -> Reply:
    mechanism = authority.mechanism
    most = session.service.settings.auth.mail_max_userip_connections
    if most and not session.service.logins.state.enter(identity.user, session.ends.remote_ip, most):
        text = f"Maximum number of connections from user+IP exceeded (mail_max_userip_connections={most})"
        journal.login_refused(session, mechanism.name, text, identity.user)
        _count(mechanism, "temporary")
        raise Disconnected(AUTH_UNAVAILABLE.with_text(text))
    login = Login(identity, mechanism.name)
    if session.service.forwards and not identity.master_user:
        login = replace(login, password=authority.password, token=authority.token)
    session.welcome(login)
    _count(mechanism, "ok")
    journal.logged_in(session, login)
    return LOGGED_IN


def _converse(session: Session, exchange: Exchange, initial_response: str) -> Verdict:
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
            challenge = exchange.send(_octets(text))
            text = ""
    except StopIteration as done:
        verdict: Verdict = done.value
        return verdict


def _octets(text: str) -> bytes:
    try:
        return base64.decode(text)
    except ValueError:
        raise MalformedResponse("invalid base64") from None


def _response(session: Session) -> str:
    try:
        line = session.wire.read_line(secret=True)
    except LineTooLong as error:
        raise Refused(AUTH_LINE_TOO_LONG) from error
    line = line.strip(b" \t").rstrip(b"\r \t")  # around base64 they mean nothing, in it they do (RFC 4954 4)
    if line == b"*":
        raise Refused(AUTH_ABORTED)
    if not line.isascii() or line == b"=":
        raise Refused(AUTH_MALFORMED)
    return line.decode("ascii")


def log_in_by_certificate(session: Session) -> None:
    """Log in without being asked, for clients that show a certificate and forget AUTH.

    Nothing happens if the certificate is nobody's who may. Raises Refused where that cannot be found out now.
    """
    mechanism = session.service.mechanisms.get("EXTERNAL")
    if mechanism is None or mechanism.name not in session.channel.offered:
        return
    _check_connection(session, mechanism)
    try:
        log_in(session, mechanism, "=", may_go_elsewhere=False)
    except Refused as refused:
        if refused.reply.code not in (AUTH_FAILED.code, AUTH_DISABLED.code):
            raise
