"""Workers that are asked through the control socket, among them such as hang, go and come back."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest

from gsubmit.watch import link
from gsubmit.watch.answers import Commands
from gsubmit.watch.client import NoAnswer, ask
from gsubmit.watch.lines import Object
from gsubmit.watch.link import ControlLink
from gsubmit.watch.workers import Workers
from tests.unit.watch.asking import connected, controlled, heard, refuse, until

LONG = 10.0  # seconds


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.watch.workers.ANSWER_TIME", 0.3)
    monkeypatch.setattr(link, "DELAYS", (0.02,))


def names(number: int) -> Commands:
    def who(request: Object) -> Iterator[Object]:
        for user in ("jo", "al"):
            yield {"user": user, "worker": number, "asked": request.get("mask")}

    return {"who": who, "refuse": refuse}


@contextmanager
def linked(folder: Path, *links: ControlLink) -> Iterator[None]:
    for one in links:
        one.start()
    try:
        yield
    finally:
        for one in links:
            one.close()


@contextmanager
def watching(folder: Path, workers: Workers) -> Iterator[None]:
    with controlled(folder, {"who": workers.ask, "refuse": workers.ask}, workers):
        yield


def who(folder: Path, mask: str = "") -> list[Object]:
    return ask(str(folder), {"command": "who", "mask": mask})


def test_the_one_that_came_last_can_be_asked_for_all(tmp_path: Path) -> None:
    workers = Workers()

    def answering() -> set[int]:
        return {one["worker"] for one in workers.ask_newest({"command": "who"}) if "user" in one}

    first, last = (ControlLink(str(tmp_path), number, names(number)) for number in (2, 1))
    with watching(tmp_path, workers), linked(tmp_path, first):
        until(lambda: answering() == {2})
        with linked(tmp_path, last):
            until(lambda: answering() == {1})
            assert len(workers) == 2
        until(lambda: answering() == {2})
    assert answering() == set()


def test_all_workers_are_asked(tmp_path: Path) -> None:
    workers = Workers()
    with watching(tmp_path, workers), linked(tmp_path, *(ControlLink(str(tmp_path), n, names(n)) for n in (0, 1))):
        until(lambda: len(workers) == 2)
        answer = who(tmp_path, "x")
        assert [(one["worker"], one["user"], one["asked"]) for one in answer] == [
            (0, "jo", "x"), (0, "al", "x"), (1, "jo", "x"), (1, "al", "x"),
        ]  # fmt: skip
        assert who(tmp_path) != answer == who(tmp_path, "x")


def test_what_a_worker_cannot_do_is_said_to_who_asks(tmp_path: Path) -> None:
    workers = Workers()
    with watching(tmp_path, workers), linked(tmp_path, *(ControlLink(str(tmp_path), n, names(n)) for n in (0, 1))):
        until(lambda: len(workers) == 2)
        with pytest.raises(NoAnswer, match=r"^not today$"):
            ask(str(tmp_path), {"command": "refuse"})
        assert len(who(tmp_path)) == 4  # nothing of the other's answer is left


def test_a_worker_that_hangs_is_left_out_and_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Workers()
    with watching(tmp_path, workers), linked(tmp_path, ControlLink(str(tmp_path), 0, names(0))):
        with connected(tmp_path) as hanging:
            hanging.sendall(b'{"worker": 7, "pid": %d}\n' % os.getpid())
            until(lambda: len(workers) == 2)
            warning = {"warning": f"worker 7 (pid {os.getpid()}) does not answer, and is left out"}
            assert [one.get("user") or one for one in who(tmp_path)] == ["jo", "al", warning]
            assert heard(hanging) == [{"command": "who", "mask": ""}]  # what it says later is for nobody
            monkeypatch.setattr("gsubmit.watch.workers.ANSWER_TIME", LONG)
            began = time.monotonic()
            assert who(tmp_path)[-1] == warning  # as long as it lives
            assert time.monotonic() - began < LONG
        with linked(tmp_path, ControlLink(str(tmp_path), 7, names(7))):
            until(lambda: len(workers) == 2)
            assert len(who(tmp_path)) == 4


def test_half_an_answer_is_none(tmp_path: Path) -> None:
    workers = Workers()
    with watching(tmp_path, workers), connected(tmp_path) as hanging:
        hanging.sendall(b'{"worker": 7, "pid": %d}\n' % os.getpid())
        until(lambda: len(workers))
        hanging.sendall(b'{"user": "jo"}\n')
        assert [list(one) for one in who(tmp_path)] == [["warning"]]


def test_a_worker_that_has_ended_is_not_missed(tmp_path: Path) -> None:
    workers = Workers()
    ended = subprocess.Popen(["true"])
    ended.wait()
    with watching(tmp_path, workers):
        with connected(tmp_path) as worker:
            worker.sendall(b'{"worker": 0, "pid": %d}\n' % ended.pid)
            until(lambda: len(workers) == 1)
        until(lambda: len(workers) == 0)
        assert who(tmp_path) == []


def test_links_come_back_when_the_socket_does(tmp_path: Path) -> None:
    """Whoever serves it was killed, or comes later than the workers."""
    workers = Workers()
    with linked(tmp_path, ControlLink(str(tmp_path), 0, names(0))):
        for _ in range(2):
            gevent.sleep(0.1)
            with watching(tmp_path, workers):
                until(lambda: len(workers) == 1)
                assert len(who(tmp_path)) == 2


def test_links_wait_longer_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Clock:
        monotonic = staticmethod(time.monotonic)

        @staticmethod
        def sleep(seconds: float) -> None:
            waits.append(seconds)
            gevent.sleep(0.001)

    monkeypatch.setattr(link, "time", Clock)
    monkeypatch.setattr(link, "DELAYS", (1.0, 2.0, 5.0))
    with linked(tmp_path, ControlLink(str(tmp_path), 0, names(0))):
        until(lambda: len(waits) > 4)
    assert waits[:5] == [1.0, 2.0, 5.0, 5.0, 5.0]


def test_a_link_leaves_a_server_that_takes_no_workers(tmp_path: Path) -> None:
    """Its error is not answered by another one."""
    with controlled(tmp_path), linked(tmp_path, ControlLink(str(tmp_path), 0, names(0))):
        gevent.sleep(0.1)
        assert len(ask(str(tmp_path), {"command": "count"})) == 3


@pytest.mark.parametrize("hello", [b'{"worker": 1}', b'{"worker": "1", "pid": 5}', b'{"worker": null, "pid": 1}'])
def test_a_worker_says_number_and_pid(tmp_path: Path, hello: bytes) -> None:
    workers = Workers()
    with watching(tmp_path, workers), connected(tmp_path) as sock:
        sock.sendall(hello + b"\n")
        assert b"a worker says its number and its pid" in sock.recv(1000)
        assert len(workers) == 0


def test_workers_do_not_count_as_clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsubmit.watch.control.MAX_CLIENTS", 1)
    workers = Workers()
    with watching(tmp_path, workers):
        with linked(tmp_path, *(ControlLink(str(tmp_path), n, names(n)) for n in range(5))):
            until(lambda: len(workers) == 5)
            assert len(who(tmp_path)) == 10
        until(lambda: len(workers) == 0)


def test_many_who_ask_get_whole_answers(tmp_path: Path) -> None:
    workers = Workers()
    with watching(tmp_path, workers), linked(tmp_path, *(ControlLink(str(tmp_path), n, names(n)) for n in (0, 1))):
        until(lambda: len(workers) == 2)
        asking = [gevent.spawn(who, tmp_path, str(number)) for number in range(20)]
        assert [{one["asked"] for one in greenlet.get()} for greenlet in asking] == [{str(n)} for n in range(20)]
