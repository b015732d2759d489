"""A control socket and those who ask it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket
from typing import NoReturn

import gevent

from gsubmit.watch.answers import BadRequest, Commands
from gsubmit.watch.control import Control
from gsubmit.watch.lines import Object
from gsubmit.watch.place import Place
from gsubmit.watch.workers import Workers


def count(request: Object) -> Iterator[Object]:
    """A command whose answer has as many objects as it is asked for."""
    for number in range(request.get("up_to", 3)):
        yield {"number": number}


def fail(_: Object) -> Iterator[Object]:
    yield {"number": 0}
    raise ZeroDivisionError


def refuse(_: Object) -> NoReturn:
    raise BadRequest("not today")


COMMANDS: Commands = {"count": count, "fail": fail, "refuse": refuse}


@contextmanager
def controlled(folder: Path, commands: Commands = COMMANDS, workers: Workers | None = None) -> Iterator[Control]:
    place = Place(str(folder))
    control = Control(place.sock, commands, workers)
    control.start()
    try:
        yield control
    finally:
        control.close()
        place.close()


@contextmanager
def connected(folder: Path) -> Iterator[socket]:
    with socket(AF_UNIX, SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.connect(str(folder / "control"))
        yield sock


def heard(sock: socket) -> list[Object]:
    """All that is said until the end of the connection."""
    said = b""
    try:
        while octets := sock.recv(65536):
            said += octets
    except ConnectionResetError:
        pass  # closed before it had read all
    return [json.loads(line) for line in said.splitlines()]


def until(what: Callable[[], object]) -> None:
    with gevent.Timeout(10):
        while not what():
            gevent.sleep(0.01)
