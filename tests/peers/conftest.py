"""A Postfix or a relay that takes everything for the tests of one file, and a loud word about those that are missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.fakerelay import FakeRelay
from tests.harness.peer_postfix import Postfix, postfix
from tests.harness.relayscript import RelayScript


@pytest.fixture(scope="module")
def fake_relay() -> Iterator[FakeRelay]:
    made = FakeRelay(RelayScript())
    made.start()
    yield made
    made.stop()


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
