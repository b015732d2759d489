"""The addresses behind a relay's name: A and AAAA through DNS, and which of them are worth trying."""

from __future__ import annotations

import time
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path

import dns.exception
import dns.rdatatype
import dns.resolver

HOSTS = Path("/etc/hosts")
LOOKUP_TIME = 10.0  # seconds for one question to DNS, servers asked again included
SECOND_LOOKUP_TIME = 2.0  # for AAAA when A has given something
LEAST_LOOKUP_TIME = 0.1
UNANSWERED_REST = 60.0  # seconds before AAAA is asked again of servers that let that question drop
CACHED_ANSWERS = 1000
FIRST_REST = 1.0  # seconds for which an address that failed is left alone while another works; doubles each time
LONGEST_REST = 60.0


class LookupFailed(Exception):
    """There is no address to be had; the text is for the log."""


def addresses_of(host: str, patience: float = LOOKUP_TIME) -> list[str]:
    """The IP addresses of a name: itself, those in /etc/hosts, or those in DNS, kept for their TTL. IPv4 first.

    All of it takes at most `patience` seconds. Raises LookupFailed.
    """
    try:
        return [str(ip_address(host))]
    except ValueError:
        pass
    if local := _in_hosts_file(host):
        return local
    deadline = time.monotonic() + min(patience, LOOKUP_TIME)
    found: list[str] = []
    failures: list[str] = []
    for kind in ("A", "AAAA"):
        left = deadline - time.monotonic()
        try:
            found += _ask(host, kind, min(left, SECOND_LOOKUP_TIME) if found else left)
        except LookupFailed as failed:
            failures.append(str(failed))
    if not found:
        raise LookupFailed(f"{host}: {'; '.join(dict.fromkeys(failures)) or 'the name has no address'}")
    return found


def _ask(host: str, kind: str, patience: float) -> list[str]:
    """One question to DNS; no record is no failure."""
    resolver = _resolver()
    if resolver.unanswered.get(host, 0.0) > time.monotonic() and kind == "AAAA":
        raise LookupFailed(f"{kind}: no answer a short while ago")
    try:
        answer = resolver.resolve(host, kind, search=True, lifetime=max(patience, LEAST_LOOKUP_TIME))
    except dns.resolver.NXDOMAIN:
        raise LookupFailed("there is no such name") from None
    except dns.resolver.NoAnswer:
        return []
    except dns.exception.DNSException as error:
        if isinstance(error, dns.exception.Timeout) and kind == "AAAA":
            resolver.unanswered[host] = time.monotonic() + UNANSWERED_REST
        raise LookupFailed(f"{kind}: {error}") from None
    return [record.to_text() for record in answer]


class _Resolver(dns.resolver.Resolver):
    """The system's name servers, and which questions about AAAA they let drop."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = _Cache(CACHED_ANSWERS)
        self.unanswered: dict[str, float] = {}  # name -> until when (monotonic) it need not be asked again


@lru_cache(maxsize=1)
def _resolver() -> _Resolver:
    return _Resolver()


class _Cache(dns.resolver.LRUCache):
    """Answers for their TTL. A no without SOA has none, and is not kept (RFC 2308 5)."""

    def put(self, key: dns.resolver.CacheKey, value: dns.resolver.Answer) -> None:
        if value.rrset is not None or any(rrset.rdtype == dns.rdatatype.SOA for rrset in value.response.authority):
            super().put(key, value)


def _in_hosts_file(host: str) -> list[str]:
    """What the system's own list says, which DNS servers do not know."""
    try:
        lines = HOSTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    words = [line.partition("#")[0].split() for line in lines]
    found = [names[0] for names in words if host.lower() in (name.lower() for name in names[1:])]
    return sorted(dict.fromkeys(found), key=lambda address: ":" in address)


class Addresses:
    """A name's addresses, those that failed of late at the end."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._resting: dict[str, tuple[float, float]] = {}  # address -> until when (monotonic), and for how long

    def in_order(self, patience: float = LOOKUP_TIME) -> list[str]:
        """Those to try, the best first. Raises LookupFailed."""
        now = time.monotonic()

        def rests_until(address: str) -> float:
            return max(self._resting.get(address, (now,))[0], now)

        return sorted(addresses_of(self._host, patience), key=rests_until)

    def failed(self, address: str) -> None:
        """Leave this address alone for a while, longer each time."""
        rest = min(self._resting.get(address, (0.0, FIRST_REST / 2))[1] * 2, LONGEST_REST)
        self._resting[address] = (time.monotonic() + rest, rest)

    def worked(self, address: str) -> None:
        """This address is as good as ever."""
        self._resting.pop(address, None)
