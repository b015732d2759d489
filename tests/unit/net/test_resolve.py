"""From a name to its addresses: literals, the hosts file, DNS from a real server on loopback."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import dns.message
import dns.rrset
import pytest

from gsubmit.dial.answer import RelayFailed
from gsubmit.dial.nexthop import NextHop
from gsubmit.dial.opening import open_connection
from gsubmit.net import resolve
from gsubmit.net.addresses import Addresses
from gsubmit.net.resolve import DOUBT_AFTER, LookupFailed, addresses_of, doubt, renew
from gsubmit.smtp.replies import RELAY_NAME_UNKNOWN
from tests.harness.clock import Clock
from tests.unit.net.dnsserver import SILENT, Dns, Record


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
def test_dns(server: Dns, a: Record, aaaa: Record, addresses: list[str]) -> None:
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


def test_an_answer_is_kept_for_its_ttl(server: Dns, clock: Clock) -> None:
    server.records = {("mx.example", "A"): (1, ["192.0.2.1"]), ("mx.example", "AAAA"): (60, ["2001:db8::1"])}
    assert addresses_of("mx.example") == addresses_of("mx.example")
    assert server.asked == [("mx.example", "A"), ("mx.example", "AAAA")]
    server.records["mx.example", "A"] = (60, ["192.0.2.2"])
    clock.now += 1.1
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
    monkeypatch.setattr(resolve, "LOOKUP_TIME", 10.0)
    server.records = {("mx.example", kind): SILENT for kind in ("A", "AAAA")}
    hop = NextHop("mx.example", 25, "msa.example.org", connect_timeout=0.5)
    began = time.monotonic()
    with pytest.raises(RelayFailed) as failed:
        open_connection(hop, Addresses(hop.host), None)
    assert failed.value.reply == RELAY_NAME_UNKNOWN
    assert time.monotonic() - began < 10


def test_no_answer_for_one_kind_does_not_hold_up_every_connection(server: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some firewalls drop the question for AAAA: one wait is enough for a while."""
    monkeypatch.setattr(resolve, "LOOKUP_TIME", 1.0)
    server.records = {("mx.example", "A"): (60, ["192.0.2.1"]), ("mx.example", "AAAA"): SILENT}
    addresses_of("mx.example")
    began = time.monotonic()
    for _ in range(3):
        assert addresses_of("mx.example") == ["192.0.2.1"]
    assert time.monotonic() - began < 3  # once at most


# Answers in doubt


def test_a_doubted_answer_is_asked_for_again_after_a_while(server: Dns, clock: Clock) -> None:
    server.records = {("mx.example", "A"): (3600, ["192.0.2.1"])}
    addresses_of("mx.example")
    doubt("mx.example")
    addresses_of("mx.example")
    assert len(server.asked) == 2
    server.records = {("mx.example", "A"): (3600, ["192.0.2.2"])}
    clock.now += DOUBT_AFTER
    assert addresses_of("mx.example") == ["192.0.2.2"]
    assert len(server.asked) == 4
    clock.now += DOUBT_AFTER
    addresses_of("mx.example")
    assert len(server.asked) == 4


@pytest.mark.parametrize("record", [SILENT, "SERVFAIL", "REFUSED"])
def test_a_doubted_answer_is_better_than_none(
    server: Dns, clock: Clock, record: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relay and DNS are down together: the relay that comes back is reached at its old address."""
    monkeypatch.setattr(resolve, "SECOND_LOOKUP_TIME", 0.1)
    server.records = {("mx.example", "A"): (3600, ["192.0.2.1"]), ("mx.example", "AAAA"): (3600, ["2001:db8::1"])}
    found = addresses_of("mx.example")
    server.records = {("mx.example", kind): record for kind in ("A", "AAAA")}
    doubt("mx.example")
    clock.now += DOUBT_AFTER
    for _ in range(3):
        assert addresses_of("mx.example") == found
    assert server.asked[2:].count(("mx.example", "A")) <= 3  # of one lookup
    clock.now += 3600
    with pytest.raises(LookupFailed):
        addresses_of("mx.example")


@pytest.mark.parametrize("record", ["NXDOMAIN", "NOANSWER"])
def test_a_no_is_not_believed_for_its_ttl(server: Dns, clock: Clock, record: str) -> None:
    """The name was added to DNS just now, and its zone says that a no holds for a minute or a day."""
    server.records = {("mx.example", kind): record for kind in ("A", "AAAA")}
    for _ in range(3):
        with pytest.raises(LookupFailed):
            addresses_of("mx.example")
    assert len(server.asked) == 2
    server.records = {("mx.example", "A"): (60, ["192.0.2.1"])}
    clock.now += DOUBT_AFTER
    assert addresses_of("mx.example") == ["192.0.2.1"]


def test_renewed(server: Dns) -> None:
    server.records = {("mx.example", "A"): (3600, ["192.0.2.1"]), ("mx.example", "AAAA"): SILENT}
    addresses_of("mx.example")
    server.records = {("mx.example", "A"): (3600, ["192.0.2.2"]), ("mx.example", "AAAA"): (3600, ["2001:db8::1"])}
    renew()
    assert addresses_of("mx.example") == ["192.0.2.2", "2001:db8::1"]


def test_names_that_strangers_choose_do_not_pile_up(server: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "MAX_KEPT", 4)
    for number in range(4):
        server.records[f"{number}.example", "A"] = (3600, ["192.0.2.1"])
        addresses_of(f"{number}.example")
    before = len(server.asked)
    addresses_of("3.example")
    assert len(server.asked) == before
    addresses_of("0.example")
    assert len(server.asked) > before


# resolv.conf


def test_another_name_server(server: Dns, resolv_conf: Path) -> None:
    """As glibc, which looks at the file each time: VPN and DHCP clients change it while we run."""
    server.records = {("mx.example", "A"): (3600, ["192.0.2.1"])}
    addresses_of("mx.example")
    other = Dns("127.0.0.2", server.port)
    other.records = {("mx.example", "A"): (3600, ["192.0.2.2"])}
    resolv_conf.write_text("nameserver 127.0.0.2\n")
    assert addresses_of("mx.example") == ["192.0.2.2"]
    resolv_conf.unlink()
    assert addresses_of("mx.example") == ["192.0.2.1"]
    other.close()


def test_one_name_server_is_dead(server: Dns, resolv_conf: Path) -> None:
    resolv_conf.write_text("nameserver 127.0.0.3\nnameserver 127.0.0.1\n")
    server.records = {("mx.example", "A"): (60, ["192.0.2.1"])}
    assert addresses_of("mx.example") == ["192.0.2.1"]


def test_search_list(server: Dns, resolv_conf: Path) -> None:
    resolv_conf.write_text("nameserver 127.0.0.1\nsearch bad..name corp.example\n")
    server.records = {
        ("mx.corp.example", "A"): (60, ["192.0.2.1"]),
        ("mx", "A"): "NXDOMAIN",
        ("mx", "AAAA"): "NXDOMAIN",
    }
    assert addresses_of("mx") == ["192.0.2.1"]
    with pytest.raises(LookupFailed):
        addresses_of("mx.")


def test_this_machine_has_a_name_that_dns_cannot_know(server: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "bad..name")
    with pytest.raises(LookupFailed, match="no name server can be asked"):
        addresses_of("mx.example")


# Name servers that are slow, lie, or say too much


def test_truncated_answers_are_asked_for_by_tcp(server: Dns) -> None:
    def truncated(query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.TC
        return response.to_wire()

    many = [f"192.0.2.{number}" for number in range(100)]
    server.records = {("mx.example", "A"): truncated}
    server.over_tcp = {("mx.example", "A"): (60, many)}
    assert sorted(addresses_of("mx.example")) == sorted(many)


def test_truncated_and_no_tcp(server: Dns) -> None:
    def truncated(query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.TC
        return response.to_wire()

    server.records = {("mx.example", kind): truncated for kind in ("A", "AAAA")}
    server.over_tcp = {("mx.example", kind): SILENT for kind in ("A", "AAAA")}
    with pytest.raises(LookupFailed):
        addresses_of("mx.example")


def test_tcp_only(server: Dns, resolv_conf: Path) -> None:
    resolv_conf.write_text("nameserver 127.0.0.1\noptions use-vc\n")
    server.records = {("mx.example", "A"): SILENT}
    server.over_tcp = {("mx.example", "A"): (60, ["192.0.2.1"])}
    assert addresses_of("mx.example") == ["192.0.2.1"]


def answered(*rrsets: str, question: str = "") -> Callable[[dns.message.Message], bytes]:
    """An answer of these lines, perhaps to another question."""

    def answer(query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query)
        if question:
            response.question = dns.message.make_query(question, "A").question
        for line in rrsets:
            name, ttl, kind, text = line.split()
            response.answer.append(dns.rrset.from_text(name, int(ttl), "IN", kind, text))
        return response.to_wire()

    return answer


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(answered("mx.example. 60 CNAME mx.example."), id="alias of itself"),
        pytest.param(
            answered("mx.example. 60 CNAME a.example.", "a.example. 60 CNAME mx.example."), id="aliases in a circle"
        ),
        pytest.param(answered("other.example. 60 A 192.0.2.66"), id="of another name"),
        pytest.param(answered("other.example. 60 A 192.0.2.66", question="other.example"), id="to another question"),
        pytest.param(lambda query: b"\0\0" + answered("mx.example. 60 A 192.0.2.66")(query)[2:], id="of another id"),
        pytest.param(lambda query: query.to_wire(), id="the question itself"),
        pytest.param(lambda query: query.to_wire()[:2], id="cut short"),
        pytest.param(lambda query: query.to_wire()[:2] + bytes(range(256)), id="noise"),
        pytest.param(lambda query: query.to_wire()[:2] + b"\xa8\x00" + query.to_wire()[4:], id="an update"),
        pytest.param(lambda _: b"", id="nothing"),
    ],
)
def test_lies(server: Dns, lie: Callable[[dns.message.Message], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "LOOKUP_TIME", 0.1)
    server.records = {("mx.example", kind): lie for kind in ("A", "AAAA")}
    with pytest.raises(LookupFailed) as failed:
        addresses_of("mx.example")
    assert "192.0.2.66" not in str(failed.value)
    assert len(str(failed.value)) < 1000 and str(failed.value).isprintable()


def test_an_alias(server: Dns) -> None:
    server.records = {("mx.example", "A"): answered("mx.example. 60 CNAME a.example.", "a.example. 60 A 192.0.2.1")}
    assert addresses_of("mx.example") == ["192.0.2.1"]


def test_the_least_ttl_of_an_alias_counts(server: Dns, clock: Clock) -> None:
    server.records = {("mx.example", "A"): answered("mx.example. 9 CNAME a.example.", "a.example. 60 A 192.0.2.1")}
    addresses_of("mx.example")
    clock.now += 10
    addresses_of("mx.example")
    assert server.asked.count(("mx.example", "A")) == 2
