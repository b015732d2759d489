"""What systemd hears, read from a socket as its own is."""

from __future__ import annotations

import math
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gsubmit.app import notify
from tests.harness.clock import clock_of

Heard = Callable[[], list[str]]


@pytest.fixture(params=["a path", "an abstract name"])
def heard(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    """Reads one datagram, as its lines."""
    place = str(tmp_path / "notify") if request.param == "a path" else f"@gsubmit-{os.getpid()}-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as system:
        system.bind(place.replace("@", "\0") if place.startswith("@") else place)
        system.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", place)
        yield lambda: system.recv(4096).decode().split("\n")


def test_each_state_has_its_words(heard: Heard) -> None:
    notify.ready("serving on port 587")
    assert heard() == ["READY=1", "STATUS=serving on port 587"]
    notify.alive()
    assert heard() == ["WATCHDOG=1"]
    notify.stopping()
    assert heard() == ["STOPPING=1"]


def test_a_reload_says_when_it_began(heard: Heard) -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    notify.reloading()
    word, moment = heard()
    assert word == "RELOADING=1"
    assert before <= int(moment.removeprefix("MONOTONIC_USEC=")) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def test_a_text_is_one_line_of_utf_8(heard: Heard) -> None:
    notify.ready("a\nSTOPPING=1\udcff")
    assert heard() == ["READY=1", "STATUS=a STOPPING=1?"]


@pytest.mark.parametrize(
    "place", ["", "vsock:2:1", "/nowhere/at/all", "@nobody-listens", "/" + "long" * 100, "@" + "long" * 100]
)
def test_where_nobody_listens_nothing_happens(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", place)
    notify.alive()
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify.alive()


def test_nobody_waits_for_one_who_does_not_read(heard: Heard) -> None:
    began = time.monotonic()
    for _ in range(10_000):
        notify.alive()
    assert time.monotonic() - began < 5  # each is lost at once when the queue is full
    assert heard() == ["WATCHDOG=1"]


def test_what_is_asked_again_is_told_once(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    herald = notify.Herald()
    for is_ready in (False, True, True, False, False, True):
        herald.tell(is_ready, "serving")
    notify.stopping()
    assert heard() == ["READY=1", "STATUS=serving"]
    assert heard()[0] == "RELOADING=1"
    assert heard() == ["READY=1", "STATUS=serving"]
    assert heard() == ["STOPPING=1"]
    assert herald.due == math.inf


def test_life_is_told_when_it_is_due(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = clock_of(monkeypatch, "app.notify")
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    herald = notify.Herald()
    assert herald.due == clock.now
    herald.tell(False, "")
    assert heard() == ["WATCHDOG=1"]
    assert herald.due == clock.now + 15
    clock.now += 14
    herald.tell(False, "")
    clock.now += 1
    herald.tell(False, "")
    notify.stopping()
    assert [heard(), heard()] == [["WATCHDOG=1"], ["STOPPING=1"]]


def test_no_descriptor_is_left(heard: Heard) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = count()
    for _ in range(20):
        notify.alive()
    assert count() == before


@pytest.mark.parametrize(
    ("limit", "process", "interval"),
    [
        ("30000000", None, 15.0),
        ("30000000", "{self}", 15.0),
        pytest.param("30000000", "1", None, id="another process is watched"),
        (None, None, None),
        ("0", None, None),
        ("soon", None, None),
        ("9" * 400, None, None),
    ],
)
def test_the_watchdog_hears_twice_in_its_time(
    monkeypatch: pytest.MonkeyPatch, limit: str | None, process: str | None, interval: float | None
) -> None:
    for name, value in (("WATCHDOG_USEC", limit), ("WATCHDOG_PID", process)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, re.sub("{self}", str(os.getpid()), value))
    assert notify.watchdog_interval() == interval
