"""The file of the control socket: whose it is, what is in its way, and what is left of it."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gsubmit.watch import place
from gsubmit.watch.client import ask
from gsubmit.watch.place import Place, make_folder
from tests.unit.watch.asking import controlled

root_only = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("no_umask")
def test_the_socket_is_for_its_user_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the start: between bind and a chmod somebody could connect."""
    monkeypatch.setattr(os, "chmod", None)
    where = Place(str(tmp_path))
    assert stat.S_IMODE(where.path.stat().st_mode) == 0o600
    assert where.path.stat().st_uid == os.getuid()
    where.close()
    assert not where.path.exists()


def test_what_a_killed_server_has_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / "control"))
        killed.listen()
    with controlled(tmp_path):
        assert ask(str(tmp_path), {"command": "count", "up_to": 1}) == [{"number": 0}]
    assert list(tmp_path.iterdir()) == []


def test_the_socket_of_a_server_that_lives_stays_its_own(tmp_path: Path) -> None:
    with controlled(tmp_path):
        with pytest.raises(FileExistsError, match="another server is asked there"):
            Place(str(tmp_path))
        assert len(ask(str(tmp_path), {"command": "count"})) == 3


def test_a_server_that_hangs_lives_too(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(tmp_path / "control"))
        hanging.listen(0)
        waiting = []
        for _ in range(4):  # until no more are queued
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(str(tmp_path / "control"))
        with pytest.raises(FileExistsError, match="another server is asked there"):
            Place(str(tmp_path))
        for sock in waiting:
            sock.close()


ORPHAN = """
import os, socket, sys, time
sock = socket.socket(socket.AF_UNIX)
sock.bind(sys.argv[1])
sock.listen()
if child := os.fork():
    print(child, flush=True)
    os._exit(0)
os.close(1)
time.sleep(60)
"""


def test_what_a_killed_server_has_left_to_its_workers_is_replaced(tmp_path: Path) -> None:
    """A worker that finishes its sessions may have the socket, but does not listen."""
    started = subprocess.run([sys.executable, "-c", ORPHAN, tmp_path / "control"], stdout=subprocess.PIPE, check=True)
    try:
        with controlled(tmp_path):
            assert len(ask(str(tmp_path), {"command": "count"})) == 3
    finally:
        os.kill(int(started.stdout), signal.SIGKILL)


def test_a_file_of_somebody_else_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "control").write_text("precious")
    with pytest.raises(FileExistsError, match="is no socket"):
        Place(str(tmp_path))
    assert (tmp_path / "control").read_text() == "precious"


def test_at_the_end_the_socket_of_the_next_server_is_left_alone(tmp_path: Path) -> None:
    first = Place(str(tmp_path))
    (tmp_path / "control").rename(tmp_path / "moved")
    with controlled(tmp_path):
        first.close()
        assert len(ask(str(tmp_path), {"command": "count"})) == 3


def test_two_that_start_at_once_wait_for_each_other_but_not_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "LOCK_TIME", 0.1)
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)  # anybody who can read the folder can do that
    Place(str(tmp_path)).close()
    os.close(folder)


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(0o700)
    make_folder(str(folder), (1, 1))
    assert (stat.S_IMODE(folder.stat().st_mode), folder.stat().st_uid) == (0o700, os.getuid())


@root_only
@pytest.mark.usefixtures("no_umask")
def test_a_folder_is_made_for_the_user_that_serves(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    make_folder(str(folder), (65534, 65534))
    status = folder.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o755, 65534, 65534)
