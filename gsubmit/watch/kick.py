"""Ending sessions from outside, at a moment that hurts no message."""

from __future__ import annotations

import time

import gevent

from gsubmit.fairness import let_others_run
from gsubmit.server.door import Door, Greenlet
from gsubmit.server.session import Session
from gsubmit.server.waiting import Awaits, Interrupted
from gsubmit.smtp.replies import KICKED
from gsubmit.watch.lines import Object
from gsubmit.watch.sessions import chosen, facts_of

LOOK_EVERY = 0.05  # seconds between two looks whether a message has ended
SENDING_TIME = 5.0  # seconds for a client to take the reply that it is being sent
BACKEND_TIME = 60.0  # seconds for a backend's reply, of which nobody knows what it is about


def kick(door: Door, request: Object) -> list[Object]:
    """End the sessions that `filter` fits: their facts, and whether a message is to end before (`is_later`)."""
    kicked = []
    for session in chosen(door, request):
        let_others_run()
        greenlet = door.sessions.get(session)
        if greenlet is not None:
            kicked.append(facts_of(session) | {"is_later": is_busy(session)})
            _end_soon(session, greenlet, time.monotonic())
    return kicked


def is_busy(session: Session, seconds: float = 0.0) -> bool:
    """Whether ending it now could make its client send a message again; asked for so long already.

    The relay may have the message, and its client has not heard so.
    """
    login, transaction, wire = session.login, session.transaction, session.wire
    if login is None or wire.awaits is Awaits.COMMAND:
        return False
    if login.backend:
        return seconds < BACKEND_TIME
    if wire.awaits is not Awaits.NOTHING:
        return False
    if transaction is not None:
        return transaction.delivery.is_handed_over
    return wire.is_sending and seconds < SENDING_TIME


def _end_soon(session: Session, greenlet: Greenlet, since: float) -> None:
    gevent.get_hub().loop.run_callback(_end_unless_busy, session, greenlet, since)


def _end_unless_busy(session: Session, greenlet: Greenlet, since: float) -> None:
    """Runs in the hub, so that the session cannot go on between the question and the throw."""
    if greenlet.dead or session.is_over:
        return
    if is_busy(session, time.monotonic() - since):
        gevent.spawn_later(LOOK_EVERY, _end_soon, session, greenlet, since)
    else:
        greenlet.throw(Interrupted(KICKED))
