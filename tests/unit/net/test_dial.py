"""Connections by name: several addresses, one time for all, and no thread of gevent's for the lookup."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.resolver
import gevent
import pytest

from gsubmit.auth.cache import VerifiedCache
from gsubmit.auth.means import Means
from gsubmit.auth.oauth.endpoint import Client, Endpoint
from gsubmit.auth.passdb import Origin, Unavailable
from gsubmit.auth.passdbs import dovecotconnection
from gsubmit.auth.passdbs.dovecotconnection import AuthConnection, Place
from gsubmit.auth.passdbs.imap import ImapServer
from gsubmit.net.dial import connect
from gsubmit.net.imap import ImapClient, ImapFault, Slow
from gsubmit.net.resolve import DOUBT_AFTER, LookupFailed
from gsubmit.sasl.claims import Cleartext
from gsubmit.tls.certificates import client_context
from tests.harness.clock import Clock
from tests.harness.ports import free_port
from tests.unit.net.dnsserver import SILENT, Dns

SECONDS = 0.3


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


@pytest.fixture(autouse=True)
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """gevent looks names up in ten threads, which a few slow ones would keep from all others."""

    def lookup(*args: object, **kwargs: object) -> None:
        raise AssertionError("a lookup in a thread")

    monkeypatch.setattr(gevent.get_hub().resolver, "getaddrinfo", lookup)
    monkeypatch.setattr(gevent.get_hub().resolver, "gethostbyname", lookup)


@pytest.mark.parametrize("host", ["127.0.0.1", "mx.example"])
def test_plain(hosts: Path, listener: socket.socket, host: str) -> None:
    hosts.write_text("127.0.0.1 mx.example\n")
    with connect(host, port_of(listener), 1.0) as sock:
        assert sock.getpeername() == listener.getsockname()


@pytest.mark.parametrize("address", ["::1", "::1%lo", "::1%1"])
def test_ipv6(hosts: Path, address: str) -> None:
    hosts.write_text(f"{address} mx.example\n")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listening:
        for host in (address, "mx.example"):
            connect(host, port_of(listening), 1.0).close()


@pytest.mark.parametrize("address", ["fe80::1%nowhere0", "fe80::1%99999", "fe80::1%99999999999999999999"])
def test_a_scope_that_this_machine_has_not(address: str) -> None:
    with pytest.raises(OSError):
        connect(address, 25, 1.0)


def test_the_next_address_when_one_refuses(hosts: Path, listener: socket.socket) -> None:
    hosts.write_text("127.0.0.7 mx.example\n::1 mx.example\n127.0.0.1 mx.example\n")
    connect("mx.example", port_of(listener), 1.0).close()


def test_all_refuse(hosts: Path) -> None:
    hosts.write_text("127.0.0.7 mx.example\n127.0.0.1 mx.example\n")
    with pytest.raises(ConnectionRefusedError):
        connect("mx.example", free_port(), 1.0)


def test_no_such_name(server: Dns) -> None:
    server.records = {("mx.example", kind): "NXDOMAIN" for kind in ("A", "AAAA")}
    with pytest.raises(LookupFailed, match=r"^mx\.example: there is no such name$"):
        connect("mx.example", 25, 1.0)


# Those who dial by name: the time of each holds although the name servers are silent


@pytest.fixture
def silent(server: Dns, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No lookup gets more time than SECONDS."""
    monkeypatch.setattr("gsubmit.net.resolve.LOOKUP_TIME", 30.0)
    server.records = {("mx.example", kind): SILENT for kind in ("A", "AAAA")}
    real = dns.resolver.Resolver.resolve
    times = []

    def resolve(*args: Any, **options: Any) -> dns.resolver.Answer:
        times.append(options["lifetime"])
        return real(*args, **options)

    monkeypatch.setattr(dns.resolver.Resolver, "resolve", resolve)
    yield
    assert times and max(times) <= SECONDS


@pytest.mark.usefixtures("silent")
def test_imap() -> None:
    with pytest.raises(Slow):
        ImapClient("mx.example", 143, None, SECONDS)


@pytest.mark.usefixtures("silent")
def test_imap_passdb_with_names_that_strangers_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.auth.passdbs.imap.LOGIN_TIME", SECONDS)
    passdb = ImapServer.from_args("host=mx.%d cleartext=yes", Means(VerifiedCache(0, 0)))
    with pytest.raises(Unavailable) as refused:
        passdb.verify(Cleartext("u@example", "p"), Origin())
    assert refused.value.reason == "mx.example:143: no answer in time"


@pytest.mark.usefixtures("silent")
def test_oauth() -> None:
    endpoint = Endpoint.parse("https://mx.example/introspect")
    with pytest.raises(Unavailable, match=f"no answer within {SECONDS} seconds"):
        Client(client_context("", ""), SECONDS).ask(endpoint)


@pytest.mark.usefixtures("silent")
def test_dovecot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dovecotconnection, "CONNECT_TIME", SECONDS)
    with pytest.raises(Unavailable, match=r"^cannot connect to mx\.example:24: mx\.example: .*"):
        AuthConnection(Place(host="mx.example", port=24))


def test_what_the_log_has(server: Dns) -> None:
    server.records = {("mx.example", kind): "NXDOMAIN" for kind in ("A", "AAAA")}
    with pytest.raises(ImapFault) as imap:
        ImapClient("mx.example", 143, None, 1.0)
    assert imap.value.reason == "mx.example: there is no such name"
    with pytest.raises(Unavailable, match=r"^https://mx\.example/x: mx\.example: there is no such name$"):
        Client(client_context("", ""), 1.0).ask(Endpoint.parse("https://mx.example/x"))


def test_a_server_that_moved(server: Dns, listener: socket.socket, clock: Clock) -> None:
    server.records = {("mx.example", "A"): (3600, ["127.0.0.9"])}
    with pytest.raises(ConnectionRefusedError):
        connect("mx.example", port_of(listener), 1.0)
    server.records = {("mx.example", "A"): (3600, ["127.0.0.1"])}
    clock.now += DOUBT_AFTER
    connect("mx.example", port_of(listener), 1.0).close()
