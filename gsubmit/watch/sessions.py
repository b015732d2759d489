"""What is said of each session, found out when somebody asks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import TypeAlias

from gsubmit.server.door import Door
from gsubmit.server.session import Session
from gsubmit.server.waiting import Awaits
from gsubmit.watch.answers import BadRequest, text_of
from gsubmit.watch.lines import Object

Filter: TypeAlias = Callable[[Session], bool]


def who(door: Door, request: Object) -> Iterator[Object]:
    """The facts of all sessions that each of `filters` fits; with `newest` only of so many that came last."""
    filters = [wanted(text) for text in _texts(request, "filters")]
    sessions = list(door.sessions)
    newest = request.get("newest", len(sessions))
    if not isinstance(newest, int):
        raise BadRequest("newest is no number")
    for session in sessions[max(len(sessions) - newest, 0) :]:
        if not session.is_over and all(fits(session) for fits in filters):
            yield facts_of(session)


def _texts(request: Object, name: str) -> list[str]:
    texts = request.get(name, [])
    if not (isinstance(texts, list) and all(isinstance(text, str) for text in texts)):
        raise BadRequest(f"{name} are no list of texts")
    return texts


def chosen(door: Door, request: Object) -> list[Session]:
    """The sessions that `filter` fits. Raises BadRequest without one."""
    text = text_of(request, "filter")
    if not text:
        raise BadRequest("whose sessions?")
    fits = wanted(text)
    return [session for session in door.sessions if not session.is_over and fits(session)]


def wanted(text: str) -> Filter:
    """Which sessions a filter means: an address or network, a user (* and ? stand for others), or a session's id."""
    with suppress(ValueError):
        network = ip_network(text, strict=False)
        return lambda session: _is_address(session.ends.remote_ip) and ip_address(session.ends.remote_ip) in network
    pattern = text.replace("[", "[[]")

    def fits(session: Session) -> bool:
        user = _user(session)
        return session.id == text or (user is not None and fnmatchcase(user, pattern))

    return fits


def _is_address(text: str) -> bool:
    """A front end may not have said it."""
    with suppress(ValueError):
        return bool(ip_address(text))
    return False


def _user(session: Session) -> str | None:
    return session.login.identity.user if session.login is not None else None


def facts_of(session: Session) -> Object:
    """Octets are those of SMTP; times are seconds. None is what is not there."""
    ends, wire, age = session.ends, session.wire, session.age
    silence, pump = wire.silence, wire.pump
    delivery = session.transaction.delivery if session.transaction is not None else None
    return {
        "id": session.id,
        "user": _user(session),
        "address": ends.remote_ip,
        "port": ends.remote_port,
        "local_address": ends.local_ip,
        "local_port": ends.local_port,
        "since": datetime.fromtimestamp(time.time() - age, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "seconds": round(age, 1),
        "idle": round(age if silence is None else min(silence, age), 1),
        "state": state_of(session),
        "transactions": session.transactions,
        "octets_in": wire.octets_in + (pump.up.octets if pump is not None else 0),
        "octets_out": wire.octets_out + (pump.down.octets if pump is not None else 0),
        **_tls(session),
        "relay": delivery.facts.partition(", ")[0] if delivery is not None else None,
        "backend": (session.login.backend or None) if session.login is not None else None,
        "pid": os.getpid(),
    }


def state_of(session: Session) -> str:
    """What it does, in a word."""
    awaits = session.wire.awaits
    if session.login is None:
        if not session.wire.replies:
            return "connected"
        is_in_login = awaits is Awaits.RESPONSE or (awaits is Awaits.NOTHING and session.attempts.first)
        return "login" if is_in_login else "greeted"
    if session.login.backend:
        return "proxied"
    if awaits is Awaits.CONTENT:
        return "content"
    if awaits is Awaits.NOTHING:
        return "relay"
    return "transaction" if session.transaction is not None else "idle"


def _tls(session: Session) -> Object:
    """Version and cipher: ours with the client, or what a front end has said of its own."""
    tls = session.wire.tls
    if session.ends.tls or tls is None:
        return {"tls": session.ends.tls or None, "cipher": None}
    cipher = tls.cipher()
    return {"tls": tls.version(), "cipher": cipher[0] if cipher is not None else None}
