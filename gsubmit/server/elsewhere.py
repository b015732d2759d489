"""Users who are served by another server: the login there, and the octets from then on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from gsubmit.auth.passdb import Unavailable
from gsubmit.dial.answer import LoginRefused, RelayFailed
from gsubmit.dial.xclient import ClientFacts
from gsubmit.logs.text import safe_name
from gsubmit.proxy.attempt import Attempt, Backend
from gsubmit.proxy.pump import Pump
from gsubmit.proxy.target import BadTarget, Target, target_of
from gsubmit.sasl.claims import Denied, Identity
from gsubmit.server.authority import SessionAuthority
from gsubmit.server.session import Session
from gsubmit.server.waiting import Awaits, Interrupted
from gsubmit.server.wire import Closed
from gsubmit.smtp.replies import ACCOUNT_UNAVAILABLE, REFERRAL, SHUTTING_DOWN
from gsubmit.smtp.reply import Reply

MAX_SHOWN = 1000  # characters of what went wrong
_QUIT = b"QUIT\r\n"


class DeniedElsewhere(Denied):
    """The backend has refused the login; its reply is the client's."""

    def __init__(self, reason: str, reply: Reply) -> None:
        super().__init__(reason)
        self.reply = reply


class UnavailableElsewhere(Unavailable):
    """The backend cannot be reached, or cannot tell now; the reply is for the client."""

    def __init__(self, reason: str, reply: Reply = ACCOUNT_UNAVAILABLE) -> None:
        super().__init__(reason)
        self.reply = reply


class HandedOver(Exception):
    """A login has succeeded at the backend, which serves the client from now on."""

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend


def log_in(session: Session, authority: SessionAuthority, identity: Identity) -> Backend | None:
    """Log in at the user's backend; None when that is this server, so that the user is admitted here.

    Whatever is not a yes of the backend raises: Denied, or Unavailable.
    """
    proxy = session.service.proxy
    try:
        target = target_of(identity)
        if target.is_maybe and proxy.is_here(target, session.client):
            if not identity.is_proven:
                raise BadTarget("proxy_maybe: nobody has looked at the password, for the entry says nopassword")
            return None
        login = target.login(authority.password, authority.token)
        if target.vouched_by and not identity.is_proven:
            why = "nobody would look at the client's password, for the entry says nopassword"
            raise BadTarget(f"{target.vouched_by}: {why}")
        if "\0" in login.password:  # it divides the fields of PLAIN, and is in no password (RFC 4616 2)
            raise Denied("a password with NUL")
        if session.ends.ttl <= 1:
            raise BadTarget("TTL reached zero - proxies appear to be looping?")
        return Attempt(proxy, target, login, _facts(session, target), lambda: _guess(authority)).run()
    except BadTarget as bad:
        raise UnavailableElsewhere(f"user {safe_name(identity.user)}: {bad}") from None
    except LoginRefused as refused:
        failure = DeniedElsewhere if refused.is_final else UnavailableElsewhere
        reply = refused.refusal if refused.refusal.refuses else ACCOUNT_UNAVAILABLE
        raise failure(_why(target, refused), reply) from refused
    except RelayFailed as failed:
        raise UnavailableElsewhere(_why(target, failed)) from failed


def _why(target: Target, failed: RelayFailed) -> str:
    """For the log, which neither users' names nor backends' words may fill, or pass for something that we say."""
    why = failed.why if len(failed.why) <= MAX_SHOWN else f"{failed.why[:MAX_SHOWN]}..."
    return f"proxy: user {safe_name(target.user)}: {why}"


def _facts(session: Session, target: Target) -> ClientFacts:
    return replace(
        session.client,
        login="" if target.has_login else target.user,
        ttl=session.ends.ttl - 1,
        forward=target.forward,
    )


@contextmanager
def _guess(authority: SessionAuthority) -> Iterator[None]:
    """The network's slot, until the backend's word on the password is counted."""
    with authority.guess_elsewhere():
        try:
            yield
        except LoginRefused as refused:
            if refused.is_final and refused.refusal.status != REFERRAL.status:
                authority.count(Denied(refused.why))
            raise


def serve(session: Session, backend: Backend) -> str:
    """Say the backend's reply, and pass octets on until the end; who ended it, and why.

    Raises Interrupted where the client can be told why the server stops, and Closed.
    """
    wire = session.wire

    def note(is_between: bool) -> None:
        wire.awaits = Awaits.COMMAND if is_between else Awaits.CONTENT
        if is_between and session.is_stopping:  # a message was under way when the others were told
            raise Interrupted(SHUTTING_DOWN)

    try:
        wire.send(backend.reply)
        wire.flush()
        sock, ahead = wire.lend()
        delay = session.service.settings.proxy.login_proxy_max_disconnect_delay
        wire.octets_in -= len(ahead)  # which the pump counts too
        wire.pump = pump = Pump(sock, backend.sock, ahead, backend.ahead, note, delay)
        try:
            why = pump.run()
        except Interrupted as interrupted:
            if not pump.is_between:  # whatever we said would be taken for the reply to something
                raise Closed(interrupted.reply.text) from None
            with suppress(OSError):
                backend.sock.send(_QUIT)
            raise
        finally:
            wire.awaits = Awaits.NOTHING
            wire.pump = None
            wire.octets_in += pump.up.octets
            wire.octets_out += pump.down.octets
        return f"by {pump.ended_by or 'proxy'}: {why} ({int(pump.idle)}s idle)"
    finally:
        backend.sock.close()
