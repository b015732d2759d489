"""The lines of our EHLO reply, and when each is said (RFC 5321 4.1.1.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from gsubmit.smtp.capabilities import NOTHING, Capabilities
from gsubmit.smtp.xclient import ATTRIBUTES

# Octets that our own header may add, taken off the size that the relay allows (SIZ-7).
ADDED_OCTETS = 1024


@dataclass(frozen=True)
class Situation:
    """What the keywords depend on at the moment of an EHLO."""

    relay: Capabilities = NOTHING
    max_mail_size: int = 0  # ours, 0 for unlimited
    mechanisms: tuple[str, ...] = ()
    tls_offered: bool = False
    burl: str | None = None  # the parameters of BURL; None without BURL
    backend: frozenset[str] | None = None  # with the workaround exotic-backend, all that backends have
    xclient: bool = False  # it is a front end that may say whose connection it is

    @cached_property
    def size(self) -> int:
        """The size limit in octets, the smaller of ours and the relay's; 0 for none."""
        limits = [self.max_mail_size, max(self.relay.size - ADDED_OCTETS, 1) if self.relay.size else 0]
        return min((limit for limit in limits if limit), default=0)


class _Keyword(NamedTuple):
    name: str
    said: Callable[[Situation], bool]
    parameters: Callable[[Situation], str] = lambda _: ""


def _always(_: Situation) -> bool:
    return True


def _when_the_relay_has(name: str) -> _Keyword:
    return _Keyword(name, lambda now: name in now.relay)


_KEYWORDS = (
    _Keyword("8BITMIME", _always),
    _Keyword("AUTH", lambda now: bool(now.mechanisms), lambda now: " ".join(now.mechanisms)),
    _Keyword("BINARYMIME", _always),
    _Keyword("BURL", lambda now: now.burl is not None, lambda now: now.burl or ""),
    _Keyword("CHUNKING", _always),
    _Keyword("DSN", _always),
    _Keyword("ENHANCEDSTATUSCODES", _always),
    _Keyword("PIPELINING", _always),
    _Keyword("SIZE", _always, lambda now: str(now.size) if now.size else ""),
    _Keyword("SMTPUTF8", lambda now: "SMTPUTF8" in now.relay and "8BITMIME" in now.relay),  # RFC 6531 3.1
    _Keyword("STARTTLS", lambda now: now.tls_offered),
    _when_the_relay_has("VRFY"),
    _Keyword("XCLIENT", lambda now: now.xclient, lambda _: " ".join(ATTRIBUTES)),
)
_OF_LOGINS = frozenset({"AUTH", "STARTTLS", "XCLIENT"})  # which no backend has to do with
NAMES = tuple(row.name.lower() for row in _KEYWORDS)  # as settings have them


@lru_cache(maxsize=32)
def announced(situation: Situation) -> dict[str, str]:
    """The keywords to say now, with their parameters, in the order of the reply."""
    return {
        row.name: row.parameters(situation)
        for row in _KEYWORDS
        if row.said(situation) and (situation.backend is None or row.name in situation.backend | _OF_LOGINS)
    }
