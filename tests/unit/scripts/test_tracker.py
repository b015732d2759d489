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


def test_there_are_so_many_of_a_user_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "MAX_OF_ONE", 2)
    memory = Memory(60.0, 600.0)
    memory.remember("jane", [("a", None)])
    memory.remember("joe", [(name, None) for name in "abc"])
    assert [OfUser(memory, "joe").has_seen(name) for name in "abc"] == [False, True, True]
    assert OfUser(memory, "jane").has_seen("a")


def test_who_has_sent_nothing_for_longest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "MAX_KNOWN", 3)
    memory = Memory(60.0, 600.0)
    for user, id in [("jane", "a"), ("joe", "a"), ("jane", "b"), ("jack", "a")]:
        memory.remember(user, [(id, None)])
    known = [(user, id) for user in ("jane", "joe", "jack") for id in "ab" if OfUser(memory, user).has_seen(id)]
    assert known == [("jane", "a"), ("jane", "b"), ("jack", "a")]


def test_an_id_may_be_anything() -> None:
    """Whatever stands in a message is decoded, UTF-7 to half a character too."""
    memory = Memory(60.0, 600.0)
    memory.remember("joe", [("\ud800", None), ("\udcff", None)])
    assert [OfUser(memory, "joe").has_seen(id) for id in ("\ud800", "\udcff", "\ud801")] == [True, True, False]
