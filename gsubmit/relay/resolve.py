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
CACHED_ANSWERS = 1000
FIRST_REST = 1.0  # seconds for which an address that failed is left alone while another works; doubles each time
LONGEST_REST = 60.0


class LookupFailed(Exception):  # noqa: N818 - what DNS said
    """There is no address to be had; the text is for the log."""


def addresses_of(host: str) -> list[str]:
    """The IP addresses of a name: itself, those in /etc/hosts, or those in DNS, kept for their TTL. IPv4 first."""
    try:
        return [str(ip_address(host))]
    except ValueError:
        pass
    if local := _in_hosts_file(host):
        return local
    found: list[str] = []
    failures: list[str] = []
    for kind in ("A", "AAAA"):
        try:
            answer = _resolver().resolve(host, kind, search=True, lifetime=LOOKUP_TIME)
            found += [record.to_text() for record in answer]
        except dns.resolver.NXDOMAIN:
            raise LookupFailed(f"{host}: there is no such name") from None
        except dns.resolver.NoAnswer:
            continue
        except dns.exception.DNSException as error:
            failures.append(f"{kind}: {error}")
    if not found:
        raise LookupFailed(f"{host}: {'; '.join(failures) or 'the name has no address'}")
    return found


@lru_cache(maxsize=1)
def _resolver() -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver()
    resolver.cache = _Cache(CACHED_ANSWERS)
    return resolver


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

    def in_order(self) -> list[str]:
        """Those to try, the best first. Raises LookupFailed."""
        now = time.monotonic()
        return sorted(addresses_of(self._host), key=lambda address: max(self._resting.get(address, (0.0,))[0], now))

    def failed(self, address: str) -> None:
        """Leave this address alone for a while, longer each time."""
        rest = min(self._resting.get(address, (0.0, FIRST_REST / 2))[1] * 2, LONGEST_REST)
        self._resting[address] = (time.monotonic() + rest, rest)

    def worked(self, address: str) -> None:
        """This address is as good as ever."""
        self._resting.pop(address, None)
