"""The status page: what it says, and that nobody's words become part of it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import NoReturn

import pytest

from gsubmit.metrics.board import Board
from gsubmit.metrics.current import Buckets
from gsubmit.metrics.figures import CONNECTIONS, LOGINS, MESSAGES, RELAY_FAILURES, RELAY_LATENCY, SESSIONS
from gsubmit.settings.load import load_text
from gsubmit.watch.answers import BadRequest, Command
from gsubmit.watch.health import Health
from gsubmit.watch.history import History
from gsubmit.watch.lines import Object
from gsubmit.watch.page import HEADERS, StatusPage
from gsubmit.watch.plot import Series, bars, count, duration, nice, ranges
from gsubmit.watch.tables import FEW, MANY
from tests.unit.watch.boards import board
from tests.unit.watch.boards import count as add
from tests.unit.watch.html import Read

__all__ = ["board"]

WHEN = "2026-01-31T12:00:00.123Z"
EVIL = "<script>alert('\"&"


def page(
    board: Board, failures: Iterable[Object] = (), name: str = "mail.example.org", query: str = "", **commands: Command
) -> bytes:
    history = History(board)
    for number in range(5):
        add(MESSAGES, "accepted", by=number)
        Buckets(RELAY_LATENCY, "message").observe(0.01 * number)
        history.sample()
    text = "ssl = no\nhostname = mail.example.org\nsubmission_relay_host = relay.example.net\n"
    settings = load_text(text).settings
    settings = replace(settings, server=replace(settings.server, hostname=name))
    asked: dict[str, Command] = {"failures": lambda _: failures, "who": lambda _: ()}
    return (
        StatusPage(lambda: settings, board, history, Health(board), asked | commands).page({"QUERY_STRING": query}).body
    )


def test_its_numbers_are_those_of_the_board(board: Board) -> None:
    add(MESSAGES, "relay_5xx", by=1234567)
    add(SESSIONS, "idle", by=7)
    add(CONNECTIONS, "dropped")
    board.take(1)
    add(SESSIONS, "idle", by=5)
    figures = Read(page(board)).figures
    assert figures["gsubmit_messages_total{result=accepted}"] == 10
    assert figures["gsubmit_messages_total{result=relay_5xx}"] == 1234567
    assert figures["gsubmit_sessions{state=idle}"] == 12
    assert figures["gsubmit_connections_total{result=dropped}"] == 1


def test_failures_newest_first_and_no_recipients(board: Board) -> None:
    refused: Object = {
        "time": WHEN,
        "level": "info",
        "user": "ann@example.org",
        "session": "s1",
        "to": ["secret@example.net"],
        "by": "relay",
        "reply": "550 5.1.1 no",
        "message": "Refused RCPT: from=<ann@example.org>, to=<secret@example.net>, by=relay, reply=`550 5.1.1 no'",
    }
    lost: Object = {"time": WHEN.replace("31T", "30T"), "level": "error", "message": "relay: gone"}
    unfinished: Object = {"time": WHEN.replace("31T", "29T"), "message": "Failed to relay message: x", "reason": "QUIT"}
    text = Read(page(board, [lost, refused, unfinished, {"warning": "worker 1 is left out"}])).text
    assert re.search(r"Refused RCPT by the relay550 5\.1\.1 nos1.*relay: gone.*relay message by the clientQUIT", text)
    assert "ann@example.org" in text and "secret" not in text


def test_nobody_s_words_are_elements(board: Board) -> None:
    words = ("user", "session", "reply", "message", "level", "by")
    evil: Object = {"time": WHEN} | dict.fromkeys(words, EVIL)
    read = Read(page(board, [evil, {"time": WHEN, "message": EVIL}], EVIL))
    assert not read.has("script")
    assert read.text.count(EVIL) == 7  # title, head, and of the first failure: what, why, user, session; the other one


def test_nothing_is_loaded_and_nothing_is_run(board: Board) -> None:
    html = page(board)
    style = re.search(rb"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1]).digest()).decode()
    assert dict(HEADERS)["Content-Security-Policy"].startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    read = Read(html)
    assert not any(read.has(tag) for tag in ("script", "img", "link", "iframe"))
    assert not any("style" in facts or any(name.startswith("on") for name in facts) for _, facts in read.elements)
    assert b"prefers-color-scheme" in style[1]


def test_plots_can_be_heard(board: Board) -> None:
    read = Read(page(board))
    images = [facts for tag, facts in read.elements if tag == "svg" and facts.get("role") == "img"]
    assert len(images) == 4
    assert all(facts["aria-labelledby"].endswith("-desc") for facts in images)
    assert read.has("desc") and "The hour in figures" in read.text


def test_when_those_who_serve_cannot_be_asked(board: Board) -> None:
    def refuse(_: Object) -> NoReturn:
        raise BadRequest("not now")

    text = Read(page(board, failures=[{"warning": "worker 1 does not answer"}], who=refuse)).text
    assert "Last failuresworker 1 does not answerNone" not in text and "worker 1 does not answer" in text
    assert "Open sessionsnot now" in text
    nobody = StatusPage(lambda: load_text("ssl = no\n").settings, board, History(board), Health(board), {})
    text = Read(nobody.page({"QUERY_STRING": ""}).body).text
    assert text.count("base_dir is empty, so that those who serve cannot be asked") == 2
    assert "none is set" in text


def session(number: int, user: str | None) -> Object:
    facts = {"address": "192.0.2.1", "state": "idle", "transactions": 3, "id": f"s{number}"}
    return {"user": user, "seconds": 60.0 * number} | facts


def test_the_newest_sessions(board: Board) -> None:
    asked: list[Object] = []

    def who(request: Object) -> Iterable[Object]:
        asked.append(request)
        return [session(number, None if number % 2 else EVIL) for number in range(40)]

    read = Read(page(board, who=who))
    assert asked == [{"command": "who", "newest": MANY}]
    assert f"{EVIL}192.0.2.10 sidlemessages: 3s0\u2013192.0.2.160 sidlemessages: 3s1{EVIL}192.0.2.12 min" in read.text
    assert f"s{FEW - 1}The newest first; gsubmit who shows all. More of them" in read.text
    assert not read.has("script")


def test_all_of_the_page(board: Board) -> None:
    failures: list[Object] = [{"time": WHEN, "message": f"failure {number}"} for number in range(FEW + 1)]
    few, whole = (Read(page(board, failures, query=query)) for query in ("", "all"))
    assert (few.text.count("failure "), whole.text.count("failure ")) == (FEW, FEW + 1)
    assert few.text.count("More of them") == 1 and "More of them" not in whole.text
    assert [facts.get("open") for tag, facts in few.elements if tag == "details"] == [None, None]
    assert [facts.get("open") for tag, facts in whole.elements if tag == "details"] == ["", ""]


def test_what_came_again_says_how_often(board: Board) -> None:
    text = Read(page(board, [{"time": WHEN, "message": "relay: gone", "times": 7}])).text
    assert "relay: gone (7 times)" in text


def test_what_is_wrong_stands_at_the_top(board: Board) -> None:
    board.clear_gauges(0)
    board.clear_gauges(1)
    assert '<span class="state bad" role="status">no worker accepts clients</span>' in page(board).decode()


def test_a_relay_that_fails_is_said_so(board: Board) -> None:
    history, health = History(board), Health(board)
    add(RELAY_FAILURES, by=3)
    add(LOGINS, "PLAIN", "failed")
    found = StatusPage(lambda: load_text("ssl = no\n").settings, board, history, health, {}).page({"QUERY_STRING": ""})
    assert "not reached for 0 s" in Read(found.body).text


def test_a_bar_for_each_step_that_was() -> None:
    values = Series("good", "good", [None, 0, 3]), Series("bad", "bad", [None, 1, 1])
    read = Read(bars("x", "title", "summary", values, ["10:00", "10:01", "10:02"]).encode())
    assert [facts["class"] for tag, facts in read.elements if tag == "rect"] == ["area", "bad", "area", "good", "bad"]
    assert "10:01: 0 good, 1 bad" in read.text and "10:00" not in read.text
    good, bad = (facts for tag, facts in read.elements[-3:] if tag == "rect" and facts["class"] != "area")
    assert float(bad["y"][:-1]) + float(bad["height"][:-1]) == pytest.approx(float(good["y"][:-1]), abs=0.02)


def test_no_bars_at_all() -> None:
    assert "nothing yet" in bars("x", "t", "s", [Series("a", "b", [None])], ["10:00"])


def test_ranges_lie_in_the_plot() -> None:
    low, high = Series("median", "low", [0.002, None, 0.0]), Series("most", "high", [30.0, None, 0.0])
    read = Read(ranges("x", "t", "s", low, high, ["1", "2", "3"]).encode())
    (box,) = (facts for tag, facts in read.elements if tag == "rect" and facts["class"] == "high")
    assert float(box["y"][:-1]) >= 0 and float(box["y"][:-1]) + float(box["height"][:-1]) <= 100
    assert "median 2 ms, most 30 s".replace(" ms", "\u00a0ms").replace("30 s", "30\u00a0s") in read.text


@pytest.mark.parametrize(("value", "top"), [(0, 2), (1, 2), (3, 4), (10, 10), (11, 20), (240, 300), (999, 1000)])
def test_scales_end_in_round_numbers(value: float, top: float) -> None:
    assert nice(value) == top


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (2.5, "2.5"), (12345, "12,345"), (1234567, "1.2 M"), (3.9e9, "3.9 G")]
)
def test_numbers(value: float, text: str) -> None:
    assert count(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "\u2013"), (0.0005, "0.5 ms"), (0.0123, "12 ms"), (1.25, "1.2 s"), (300, "300 s")]
)
def test_times(value: float | None, text: str) -> None:
    assert duration(value) == text.replace(" ", "\u00a0")
