"""EHLO and HELO (RFC 5321 4.1.1.1)."""

from __future__ import annotations

from functools import lru_cache

from gsubmit.server.commands import steps
from gsubmit.server.commands.burl import parameters
from gsubmit.server.session import Greeting, Session
from gsubmit.smtp.address import is_host_name
from gsubmit.smtp.keywords import Situation, announced
from gsubmit.smtp.replies import MISSING_HOSTNAME
from gsubmit.smtp.reply import Refused, Reply


def hello_name(session: Session, text: str) -> str:
    """Clients give all kinds of names, and all are taken; what is no domain or literal goes nowhere (RCV-2).

    Behind a front end the name is what that has heard from its client.
    """
    if not text:
        raise Refused(MISSING_HOSTNAME)
    return session.ends.helo or (text if is_host_name(text) else "")


def ehlo(session: Session, name: str) -> Reply:
    """Greet, and tell what there is: from the state at this moment (EHL-5)."""
    steps.give_up_transaction(session, "EHLO")
    situation = _situation(session)
    session.greet(Greeting(name, is_extended=True, situation=situation, offered=frozenset(announced(situation))))
    return _reply(session.service.hostname, situation)


@lru_cache(maxsize=32)
def _reply(hostname: str, situation: Situation) -> Reply:
    lines = [f"{keyword} {parameters}".rstrip() for keyword, parameters in announced(situation).items()]
    return Reply(250, "", "\n".join([hostname, *lines]))


def helo(session: Session, name: str) -> Reply:
    """Greet an old client, which hears no keywords (EHL-2)."""
    steps.give_up_transaction(session, "HELO")
    session.greet(Greeting(name, situation=_situation(session)))
    return Reply(250, "", session.service.hostname)


def _situation(session: Session) -> Situation:
    service = session.service
    tls_offered = service.tls is not None and not (session.has_tls or session.ends.peer_ip)
    auth_allowed = not (tls_offered and service.settings.ssl.ssl == "required")
    return Situation(
        relay=service.relay.capabilities(),
        max_mail_size=service.settings.submission.submission_max_mail_size,
        mechanisms=tuple(name for name in service.mechanisms if auth_allowed and name in session.channel.offered),
        tls_offered=tls_offered,
        burl=parameters(session),
        backend=_exotic_backend(session),
        xclient=auth_allowed and session.login is None and session.is_front_end,
    )


def _exotic_backend(session: Session) -> frozenset[str] | None:
    """What an exotic backend can do, before the login: afterwards it tells its clients itself, and ours get all."""
    submission = session.service.settings.submission
    if session.login is not None or "exotic-backend" not in submission.submission_client_workarounds:
        return None
    return frozenset(word.upper() for word in submission.submission_backend_capabilities)
