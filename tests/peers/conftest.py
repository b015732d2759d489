"""A Postfix or a relay that takes everything for the tests of one file, and a loud word about those that are missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.fakerelay import FakeRelay
from tests.harness.peer_copies import HAS_SENT, QUICK, USER, Store
from tests.harness.peer_cyrus import Cyrus, cyrus
from tests.harness.peer_dovecot_imap import DovecotImap, dovecot_imap
from tests.harness.peer_postfix import Postfix, postfix
from tests.harness.relayscript import RelayScript


@pytest.fixture(scope="module")
def fake_relay() -> Iterator[FakeRelay]:
    made = FakeRelay(RelayScript())
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def dovecot() -> Iterator[DovecotImap]:
    """With a mailbox for sent messages."""
    with dovecot_imap((USER,), settings=HAS_SENT) as server:
        yield server


@pytest.fixture(scope="module")
def cyrus_() -> Iterator[Cyrus]:
    """The same."""
    with cyrus((USER,)) as server, server.login(USER) as user:
        user.command("CREATE", b"Gesendet", "(USE (\\Sent))")
        yield server


@pytest.fixture(params=["dovecot", "cyrus_"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each of them."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Cyrus | DovecotImap)
    return found


@pytest.fixture
def quick_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server in this process does not wait for minutes."""
    for name, value in QUICK.items():
        monkeypatch.setattr(f"gsubmit.sent.{name}", value)


@pytest.fixture(scope="module")
def relay_postfix() -> Iterator[Postfix]:
    with postfix() as relay:
        yield relay


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [report for report in terminalreporter.getreports("skipped") if "tests/peers" in report.nodeid]
    if skipped:
        terminalreporter.section("REAL PEERS ARE MISSING", sep="*", red=True, bold=True)
        for report in skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            terminalreporter.write_line(f"not tested: {report.nodeid}: {reason}")
