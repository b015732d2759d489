"""The system's files and name servers, as a test wants them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dns.name
import pytest

from gsubmit.net import hosts as hosts_module
from gsubmit.net import resolvconf, resolve
from tests.harness.clock import Clock, clock_of
from tests.unit.net.dnsserver import Dns


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "hosts"
    monkeypatch.setattr(hosts_module, "PATH", path)
    return path


@pytest.fixture
def resolv_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file, which is not there yet; nothing of it has been read, and this machine has no domain."""
    path = tmp_path / "resolv.conf"
    monkeypatch.setattr(resolvconf, "PATH", path)
    resolve.renew()
    yield path
    resolve.renew()


@pytest.fixture
def server(hosts: Path, resolv_conf: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dns]:
    """The only DNS server of the test."""
    started = Dns()
    resolv_conf.write_text("nameserver 127.0.0.1\n")
    real = resolvconf.resolver

    def made() -> resolvconf.Resolver:
        resolver = real()
        resolver.port, resolver.domain = started.port, dns.name.root
        resolver.timeout = min(resolver.timeout, 0.2)
        return resolver

    monkeypatch.setattr(resolvconf, "resolver", made)
    monkeypatch.setattr(resolve, "LOOKUP_TIME", 0.5)
    yield started
    started.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return clock_of(monkeypatch, "net.resolve", "net.addresses")
