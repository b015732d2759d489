"""What `duplicate` remembers (RFC 7352)."""

from __future__ import annotations

import pytest

from gsubmit.scripts import tracker
from gsubmit.scripts.tracker import Memory, OfUser
from tests.harness.clock import clock_of


def test_an_id_is_known_for_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = clock_of(monkeypatch, "scripts.tracker")
    memory = Memory(60.0, 600.0)
    memory.remember("joe", [("a", None), ("b", 5000)])
    mine, others = OfUser(memory, "joe"), OfUser(memory, "jane")
    assert mine.has_seen("a")
    assert not others.has_seen("a")
    clock.now += 61
    assert not mine.has_seen("a")
    assert mine.has_seen("b")
    clock.now += 540  # the longest time
    assert not mine.has_seen("b")


def test_there_are_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "MAX_KNOWN", 2)
    memory = Memory(60.0, 600.0)
    memory.remember("joe", [(name, None) for name in "abc"])
    assert [OfUser(memory, "joe").has_seen(name) for name in "abc"] == [False, True, True]
