"""From the relay's name to its addresses: literals, the hosts file, DNS from a real server on loopback."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import gevent
import pytest

from gsubmit.relay import resolve
from gsubmit.relay.answer import RelayFailed
from gsubmit.relay.nexthop import NextHop
from gsubmit.relay.opening import open_connection
from gsubmit.relay.resolve import FIRST_REST, LONGEST_REST, Addresses, LookupFailed, addresses_of
from gsubmit.smtp.replies import RELAY_NAME_UNKNOWN

SOA = "ns.example. admin.example. 1 60 60 60 60"
SILENT = "silent"


class Dns:
    """`records` has the answers: (name, type) -> (TTL, texts), or a word such as NXDOMAIN, SERVFAIL, SILENT."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], tuple[int, list[str]] | str] = {}
        self.asked: list[tuple[str, str]] = []
        self.has_soa = True
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self.port: int = self._sock.getsockname()[1]
        self._serving = gevent.spawn(self._serve)

    def _serve(self) -> None:
        while True:
            octets, peer = self._sock.recvfrom(4096)
            query = dns.message.from_wire(octets)
            question = query.question[0]
            key = (question.name.to_text(omit_final_dot=True), question.rdtype.name)
            self.asked.append(key)
            answer = self._answer(query, self.records.get(key, "NOANSWER"))
            if answer is not None:
                self._sock.sendto(answer.to_wire(), peer)

    def _answer(self, query: dns.message.Message, record: tuple[int, list[str]] | str) -> dns.message.Message | None:
        if record == SILENT:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        question = query.question[0]
        if isinstance(record, tuple):
            ttl, texts = record
            response.answer.append(dns.rrset.from_text(question.name, ttl, "IN", question.rdtype.name, *texts))
            return response
        if record != "NOANSWER":
            response.set_rcode(dns.rcode.from_text(record))
        if self.has_soa and record != "SERVFAIL":
            response.authority.append(dns.rrset.from_text("example.", 60, "IN", "SOA", SOA))
        return response

    def close(self) -> None:
        self._serving.kill()
        self._sock.close()


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "hosts"
    monkeypatch.setattr(resolve, "HOSTS", path)
    return path


@pytest.fixture
def server(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dns]:
    """The only DNS server of the test, with a resolver that has seen nothing yet."""
    monkeypatch.setattr(resolve, "LOOKUP_TIME", 0.5)
    resolve._resolver.cache_clear()
    resolver = resolve._resolver()
    started = Dns()
    resolver.nameservers, resolver.port, resolver.timeout = ["127.0.0.1"], started.port, 0.2
    resolver.search, resolver.domain = [], dns.name.root
    yield started
    started.close()
    resolve._resolver.cache_clear()


@pytest.mark.parametrize(
    ("host", "address"),
    [("192.0.2.1", "192.0.2.1"), ("2001:DB8::0:1", "2001:db8::1"), ("::1", "::1"), ("fe80::1%lo", "fe80::1%lo")],
)
def test_literal(server: Dns, host: str, address: str) -> None:
    assert addresses_of(host) == [address]
    assert server.asked == []


HOSTS = """\
127.0.0.1 localhost
::1       localhost ip6-localhost # mx.example
2001:db8::1  MX.example  mx
192.0.2.1\tother mx.EXAMPLE
#192.0.2.2 mx.example
192.0.2.1 mx.example

192.0.2.9
"""


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        pytest.param("mx.example", ["192.0.2.1", "2001:db8::1"], id="each once, IPv4 first, any case"),
        pytest.param("Mx", ["2001:db8::1"], id="alias"),
        pytest.param("ip6-localhost", ["::1"], id="before a comment"),
    ],
)
def test_hosts_file(server: Dns, hosts: Path, host: str, addresses: list[str]) -> None:
    hosts.write_text(HOSTS)
    assert addresses_of(host) == addresses
    assert server.asked == []


def test_the_hosts_file_is_read_each_time(server: Dns, hosts: Path) -> None:
    hosts.write_bytes(b"192.0.2.1 mx.example # caf\xe9\n")
    assert addresses_of("mx.example") == ["192.0.2.1"]
    hosts.write_text("192.0.2.2 mx.example\n")
    assert addresses_of("mx.example") == ["192.0.2.2"]


@pytest.mark.parametrize(
    ("a", "aaaa", "addresses"),
    [
        pytest.param((60, ["192.0.2.1"]), "NOANSWER", ["192.0.2.1"], id="A"),
        pytest.param("NOANSWER", (60, ["2001:db8::1"]), ["2001:db8::1"], id="AAAA"),
        pytest.param((60, ["192.0.2.1"]), (60, ["2001:db8::1"]), ["192.0.2.1", "2001:db8::1"], id="both, IPv4 first"),
        pytest.param((60, ["192.0.2.1"]), "SERVFAIL", ["192.0.2.1"], id="A although AAAA fails"),
        pytest.param((60, ["192.0.2.1"]), SILENT, ["192.0.2.1"], id="A although nobody answers for AAAA"),
        pytest.param((60, ["192.0.2.1"]), "NXDOMAIN", ["192.0.2.1"], id="RFC 4074 4.2 A although AAAA knows no name"),
        pytest.param("SERVFAIL", (60, ["2001:db8::1"]), ["2001:db8::1"], id="AAAA although A fails"),
    ],
)
def test_dns(
    server: Dns, a: tuple[int, list[str]] | str, aaaa: tuple[int, list[str]] | str, addresses: list[str]
) -> None:
    server.records = {("mx.example", "A"): a, ("mx.example", "AAAA"): aaaa}
    assert addresses_of("mx.example") == addresses


def test_several_addresses(server: Dns) -> None:
    server.records = {("mx.example", "A"): (60, ["192.0.2.1", "192.0.2.2", "192.0.2.3"])}
    assert sorted(addresses_of("mx.example")) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        pytest.param("NXDOMAIN", r"mx\.example: there is no such name", id="NXDOMAIN"),
        pytest.param("NOANSWER", r"mx\.example: the name has no address", id="no address"),
        pytest.param("SERVFAIL", r"mx\.example: A: .*SERVFAIL.*; AAAA: .*SERVFAIL.*", id="SERVFAIL"),
        pytest.param("REFUSED", r"mx\.example: A: .*REFUSED.*; AAAA: .*REFUSED.*", id="REFUSED"),
        pytest.param(SILENT, r"mx\.example: A: .*timed out.*; AAAA: .*timed out.*", id="timeout"),
    ],
)
def test_lookup_failed(server: Dns, record: str, why: str) -> None:
    server.records = {("mx.example", kind): record for kind in ("A", "AAAA")}
    with pytest.raises(LookupFailed, match=f"^{why}$"):
        addresses_of("mx.example")


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "." + "x" * 300])
def test_no_name_at_all(server: Dns, host: str) -> None:
    with pytest.raises(LookupFailed):
        addresses_of(host)


def test_an_answer_is_kept_for_its_ttl(server: Dns) -> None:
    server.records = {("mx.example", "A"): (1, ["192.0.2.1"]), ("mx.example", "AAAA"): (60, ["2001:db8::1"])}
    assert addresses_of("mx.example") == addresses_of("mx.example")
    assert server.asked == [("mx.example", "A"), ("mx.example", "AAAA")]
    server.records["mx.example", "A"] = (60, ["192.0.2.2"])
    time.sleep(1.1)
    assert addresses_of("mx.example") == ["192.0.2.2", "2001:db8::1"]
    assert server.asked[2:] == [("mx.example", "A")]


def test_that_there_is_no_ipv6_is_kept_too(server: Dns) -> None:
    server.records = {("mx.example", "A"): (60, ["192.0.2.1"])}
    for _ in range(3):
        addresses_of("mx.example")
    assert server.asked == [("mx.example", "A"), ("mx.example", "AAAA")]


@pytest.mark.parametrize("record", ["NXDOMAIN", "NOANSWER"])
def test_a_no_without_soa_is_not_kept(server: Dns, record: str) -> None:
    """RFC 2308 5: forwarders in home routers and containers leave the SOA out."""
    server.has_soa = False
    server.records = {("mx.example", kind): record for kind in ("A", "AAAA")}
    with pytest.raises(LookupFailed):
        addresses_of("mx.example")
    server.records = {("mx.example", "A"): (60, ["192.0.2.1"])}
    assert addresses_of("mx.example") == ["192.0.2.1"]


def test_a_failure_is_not_kept(server: Dns) -> None:
    server.records = {("mx.example", kind): "SERVFAIL" for kind in ("A", "AAAA")}
    with pytest.raises(LookupFailed):
        addresses_of("mx.example")
    server.records = {("mx.example", "A"): (60, ["192.0.2.1"])}
    assert addresses_of("mx.example") == ["192.0.2.1"]


def test_lookups_are_a_part_of_the_connect_timeout(server: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client waits for its MAIL as long as for a relay that does not answer, not for DNS besides."""
    monkeypatch.setattr(resolve, "LOOKUP_TIME", 3.0)
    server.records = {("mx.example", kind): SILENT for kind in ("A", "AAAA")}
    hop = NextHop("mx.example", 25, "msa.example.org", connect_timeout=0.5)
    began = time.monotonic()
    with pytest.raises(RelayFailed) as failed:
        open_connection(hop, Addresses(hop.host), None)
    assert failed.value.reply == RELAY_NAME_UNKNOWN
    assert time.monotonic() - began < 2.0


def test_no_answer_for_one_kind_does_not_hold_up_every_connection(server: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some firewalls drop the question for AAAA: one wait is enough for a while."""
    monkeypatch.setattr(resolve, "LOOKUP_TIME", 1.0)
    server.records = {("mx.example", "A"): (60, ["192.0.2.1"]), ("mx.example", "AAAA"): SILENT}
    addresses_of("mx.example")
    began = time.monotonic()
    for _ in range(3):
        assert addresses_of("mx.example") == ["192.0.2.1"]
    assert time.monotonic() - began < 1.5


# The order of the addresses

ONE, TWO, THREE = "192.0.2.1", "192.0.2.2", "192.0.2.3"


@pytest.fixture
def addresses(hosts: Path) -> Addresses:
    hosts.write_text("".join(f"{address} mx.example\n" for address in (ONE, TWO, THREE)))
    return Addresses("mx.example")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass at once."""
    now = time.monotonic()

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return now

    def passes(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(resolve, "time", Clock)
    return passes


def test_order_at_first(addresses: Addresses) -> None:
    assert addresses.in_order() == [ONE, TWO, THREE]


def test_one_that_failed_goes_to_the_end(addresses: Addresses, clock: Callable[[float], None]) -> None:
    addresses.failed(ONE)
    assert addresses.in_order() == [TWO, THREE, ONE]
    clock(FIRST_REST / 2)
    addresses.failed(TWO)
    assert addresses.in_order() == [THREE, ONE, TWO]
    clock(FIRST_REST / 2)
    assert addresses.in_order() == [ONE, THREE, TWO]


def test_rests_grow(addresses: Addresses, clock: Callable[[float], None]) -> None:
    rest = FIRST_REST
    for _ in range(10):
        addresses.failed(ONE)
        clock(rest - 0.01)
        assert addresses.in_order()[-1] == ONE
        clock(0.02)
        assert addresses.in_order()[0] == ONE
        rest = min(rest * 2, LONGEST_REST)
    assert rest == LONGEST_REST


def test_success_ends_the_rest(addresses: Addresses, clock: Callable[[float], None]) -> None:
    for _ in range(5):
        addresses.failed(ONE)
    addresses.worked(ONE)
    assert addresses.in_order()[0] == ONE
    addresses.failed(ONE)
    clock(FIRST_REST + 0.01)
    assert addresses.in_order()[0] == ONE


def test_all_that_rest_are_still_tried(addresses: Addresses) -> None:
    for address in (THREE, TWO, ONE):
        addresses.failed(address)
    assert sorted(addresses.in_order()) == [ONE, TWO, THREE]


def test_an_address_that_is_gone(addresses: Addresses, hosts: Path) -> None:
    addresses.failed(ONE)
    hosts.write_text(f"{TWO} mx.example\n")
    assert addresses.in_order() == [TWO]
