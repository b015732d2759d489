"""What is said of scripts, and how often."""

from __future__ import annotations

import pytest

from gsubmit.scripts.scripts import Scripts
from gsubmit.settings.sieve import SieveSettings
from tests.harness.clock import clock_of


def test_a_passdb_field_that_means_nothing_is_told_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = clock_of(monkeypatch, "scripts.scripts")
    scripts = Scripts(SieveSettings(submission_sieve="/srv/%u.sieve"), has_mailboxes=False)
    for _ in range(3):
        assert list(scripts.of("joe", {"sieve": "out.sieve"})) == []
    clock.now += 3601
    assert list(scripts.of("joe", {"sieve": "out.sieve"})) == []
    text = "user <joe>: passdb field sieve: expected an absolute path, yes or no, not 'out.sieve'"
    assert [record.getMessage() for record in caplog.records] == [text] * 2
    assert [source.path for source in scripts.of("joe", {"sieve": "yes"})] == ["/srv/joe.sieve"]
