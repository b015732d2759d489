"""From a name to its addresses: itself, the hosts file, or A and AAAA of DNS, within bounds and kept for their TTL."""

from __future__ import annotations

import time
from dataclasses import dataclass
from ipaddress import ip_address

import dns.exception
import dns.message
import dns.rdatatype
import dns.resolver

from gsubmit.net import resolvconf, systemfile
from gsubmit.net.hosts import in_hosts_file

LOOKUP_TIME = 10.0  # seconds for one question to DNS, servers asked again included
SECOND_LOOKUP_TIME = 2.0  # for AAAA when A has given something, and for what we would like to know better
LEAST_LOOKUP_TIME = 0.1
UNANSWERED_BACKOFF = 60.0  # seconds before AAAA is asked again of servers that let that question drop
DOUBT_AFTER = 5.0  # seconds before DNS is asked again about addresses that have all failed
MAX_KEPT = 1000  # answers
MAX_SHOWN = 300  # characters of what went wrong


class LookupFailed(OSError):
    """There is no address to be had; the text is for the log."""


@dataclass(slots=True)
class _Answer:
    """What DNS said to one question: addresses, none, or why not. Times are monotonic."""

    asked: float
    until: float
    addresses: tuple[str, ...] = ()
    failure: str = ""
    is_final: bool = True  # not so when no server has answered, or none that knows
    is_doubted: bool = False

    def is_good(self, now: float) -> bool:
        return now < self.until and not (self.is_doubted and now - self.asked >= DOUBT_AFTER)


class _System:
    """resolv.conf as it was read, and what the name servers in it have said."""

    def __init__(self, state: systemfile.State) -> None:
        self.state = state
        self.resolver = resolvconf.resolver()
        self._answers: dict[tuple[str, str], _Answer] = {}  # by name and type

    def recall(self, host: str, kind: str) -> _Answer | None:
        return self._answers.get((host, kind))

    def keep(self, host: str, kind: str, answer: _Answer) -> None:
        self._answers.pop((host, kind), None)
        if len(self._answers) >= MAX_KEPT:
            self._answers.pop(next(iter(self._answers)))
        self._answers[host, kind] = answer


_known: list[_System] = []  # one, or none yet


def addresses_of(host: str, seconds: float = LOOKUP_TIME) -> list[str]:
    """The IP addresses of a name: itself, those in the hosts file, or those in DNS. IPv4 first.

    All of it takes at most `seconds`. Raises LookupFailed.
    """
    try:
        return [str(ip_address(host))]
    except ValueError:
        pass
    if local := in_hosts_file(host):
        return local
    deadline = time.monotonic() + min(seconds, LOOKUP_TIME)
    found: list[str] = []
    failures: list[str] = []
    for kind in ("A", "AAAA"):
        left = deadline - time.monotonic()
        answer = _answer(host, kind, min(left, SECOND_LOOKUP_TIME) if found else left)
        found += answer.addresses
        if answer.failure:
            failures.append(answer.failure)
    if not found:
        doubt(host)
        raise LookupFailed(f"{host}: {'; '.join(dict.fromkeys(failures)) or 'the name has no address'}")
    return found


def doubt(host: str) -> None:
    """Its addresses have all failed, or there are none: DNS may know better by now, so that what is kept soon ends."""
    for system in _known:
        for kind in ("A", "AAAA"):
            if (answer := system.recall(host, kind)) is not None:
                answer.is_doubted = answer.is_final


def renew() -> None:
    """Read resolv.conf again, and forget all answers."""
    _known.clear()


def _system() -> _System:
    """The system as it is now: resolv.conf may have changed, as glibc looks each time too. Raises LookupFailed."""
    state = systemfile.state_of(resolvconf.PATH)
    if not _known or _known[0].state != state:
        try:
            _known[:] = [_System(state)]
        except (dns.exception.DNSException, ValueError, OSError) as error:
            raise LookupFailed(f"no name server can be asked: {error}") from None
    return _known[0]


def _answer(host: str, kind: str, seconds: float) -> _Answer:
    """What is kept, or what DNS says now. An answer in doubt is better than none."""
    try:
        system = _system()
    except LookupFailed as failed:
        return _Answer(0.0, 0.0, failure=str(failed))
    now = time.monotonic()
    kept = system.recall(host, kind)
    if kept is not None and kept.is_good(now):
        return kept
    if kept is not None and now >= kept.until:
        kept = None
    answer = _ask(system.resolver, host, kind, min(seconds, SECOND_LOOKUP_TIME) if kept else seconds)
    if kept is not None and not answer.is_final:
        kept.asked = time.monotonic()
        return kept
    system.keep(host, kind, answer)
    return answer


def _ask(resolver: resolvconf.Resolver, host: str, kind: str, seconds: float) -> _Answer:
    """One question to DNS."""
    try:
        answer = resolver.resolve(
            host,
            kind,
            search=True,
            lifetime=max(seconds, LEAST_LOOKUP_TIME),
            tcp=resolver.is_tcp_only,
            raise_on_no_answer=False,
        )
    except dns.resolver.NXDOMAIN as no:
        return _for(min(map(_ttl, no.kwargs["responses"].values())), failure="there is no such name")
    except (dns.exception.DNSException, ValueError, OSError) as error:
        backoff = UNANSWERED_BACKOFF if isinstance(error, dns.exception.Timeout) and kind == "AAAA" else 0.0
        return _for(backoff, failure=f"{kind}: {error}"[:MAX_SHOWN], is_final=False)
    return _for(_ttl(answer.response), tuple(record.to_text() for record in answer.rrset or ()))


def _ttl(response: dns.message.QueryMessage) -> int:
    """Seconds for which an answer holds. A no without SOA has none, and is not kept (RFC 2308 5)."""
    chain = response.resolve_chaining()
    if chain.answer is None and not any(rrset.rdtype == dns.rdatatype.SOA for rrset in response.authority):
        return 0
    return chain.minimum_ttl


def _for(seconds: float, addresses: tuple[str, ...] = (), failure: str = "", *, is_final: bool = True) -> _Answer:
    now = time.monotonic()
    return _Answer(now, now + seconds, addresses, failure, is_final)
