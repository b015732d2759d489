"""Where the file of all workers lies, and what becomes of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gsubmit.auth.state import statefile
from gsubmit.auth.state.memory import StateMemory
from gsubmit.auth.state.shared import SharedState
from gsubmit.auth.state.statefile import make_state_file
from tests.harness.peer_process import need_root


def folders(parent: Path) -> list[Path]:
    return sorted(parent.glob(statefile.PREFIX + "*"))


def test_a_private_folder_for_as_long_as_it_is_used(tmp_path: Path) -> None:
    made = make_state_file(parent=tmp_path)
    state = SharedState(made.path, StateMemory())
    assert state.penalties() == []
    (folder,) = folders(tmp_path)
    assert folder.stat().st_mode & 0o7777 == 0o700
    state.close()
    made.remove()
    assert folders(tmp_path) == []


def test_of_the_internal_user() -> None:
    need_root()
    made = make_state_file((65534, 65533))
    owner = made.path.parent.stat()
    assert (owner.st_uid, owner.st_gid) == (65534, 65533)
    made.remove()


def test_in_memory() -> None:
    made = make_state_file()
    assert made.path.is_relative_to("/dev/shm" if Path("/dev/shm").is_dir() else "/")
    made.remove()


def test_without_such_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statefile, "MEMORY", tmp_path / "none")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = make_state_file()
    assert made.path.is_relative_to(tmp_path)
    made.remove()


def test_what_a_killed_master_left_behind(tmp_path: Path) -> None:
    """As long as a worker of it lives, the folder is in use."""
    code = f"""
import os, signal, sys
from pathlib import Path
from gsubmit.auth.state.statefile import make_state_file
made = make_state_file(parent=Path({str(tmp_path)!r}))
if os.fork():
    os.kill(os.getpid(), signal.SIGKILL)
print("left", flush=True)
sys.stdin.readline()
"""
    worker = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    assert worker.stdin is not None
    assert worker.stdout.readline() == "left\n"
    worker.wait(10)
    (left,) = folders(tmp_path)
    made = make_state_file(parent=tmp_path)
    assert folders(tmp_path) == sorted([left, made.path.parent])
    worker.stdin.close()
    assert worker.stdout.read() == ""
    again = make_state_file(parent=tmp_path)
    assert folders(tmp_path) == sorted([made.path.parent, again.path.parent])
    made.remove()
    again.remove()
    worker.stdout.close()


def test_what_others_put_there_is_left_alone(tmp_path: Path) -> None:
    need_root()
    theirs, link, file = (tmp_path / f"{statefile.PREFIX}{name}" for name in ("theirs", "link", "file"))
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    link.symlink_to("/etc")
    file.touch()
    make_state_file(parent=tmp_path).remove()
    assert folders(tmp_path) == sorted([theirs, link, file])
    make_state_file((65534, 65534), parent=tmp_path).remove()
    assert folders(tmp_path) == sorted([link, file])
