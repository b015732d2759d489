"""Copies on disk: there before anybody hears of them, one process at a time, and none forgotten after a crash."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import pytest

from gsubmit.sent import folder as folders
from gsubmit.sent.entry import Kept
from gsubmit.sent.folder import Folder, NoRoom
from gsubmit.sent.record import Place, Record
from tests.unit.sent.mailstore import MESSAGE, Content, record


def kept(folder: Folder) -> Kept:
    return folder.keep(record(), Content(MESSAGE))


def names(path: Path) -> list[str]:
    return sorted(one.suffix for one in path.iterdir() if not one.name.startswith("."))


def test_a_message_and_its_record(tmp_path: Path) -> None:
    entry = kept(Folder(str(tmp_path)))
    assert names(tmp_path) == [".copy", ".eml"]
    assert b"".join(entry.octets().blocks()) == MESSAGE
    assert entry.octets().size == len(MESSAGE)
    assert all(one.stat().st_mode & 0o777 == 0o600 for one in tmp_path.iterdir())


def test_everything_is_on_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content, record, name, and the folder that has the name, in this order."""
    done: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def noted_fsync(descriptor: int) -> None:
        done.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).suffix)
        fsync(descriptor)

    def noted_rename(path: Path, target: Path) -> Path:
        done.append(f"{path.suffix} to {target.suffix}")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "rename", noted_rename)
    kept(Folder(str(tmp_path)))
    assert done == [".eml", ".new", ".new to .copy", ""]


@pytest.mark.parametrize("fails_at", ["write", "fsync", "rename"])
def test_nothing_is_left_of_what_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    if fails_at == "rename":
        monkeypatch.setattr(Path, "rename", fail)
    else:
        monkeypatch.setattr(os, fails_at, fail)
    open_before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="No space"):
        kept(Folder(str(tmp_path)))
    assert ".copy" not in names(tmp_path)
    assert ".eml" not in names(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == open_before


def test_whoever_works_on_it_is_alone(tmp_path: Path) -> None:
    entry = kept(Folder(str(tmp_path)))
    assert Kept.take(entry.path) is None
    entry.save()
    assert Kept.take(entry.path) is None
    entry.wait(time.time())
    again = Kept.take(entry.path)
    assert again is not None
    assert again.record == entry.record
    assert Kept.take(entry.path) is None
    again.end()
    assert names(tmp_path) == []
    assert Kept.take(entry.path) is None


def test_a_file_that_was_replaced_while_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lock means nothing any more."""
    entry = kept(Folder(str(tmp_path)))
    flock = fcntl.flock

    def replaced_first(descriptor: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        entry.save()
        entry.wait(0)
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", replaced_first)
    assert Kept.take(entry.path) is None
    assert Kept.take(entry.path) is not None


def test_what_is_known_outlives_the_process(tmp_path: Path) -> None:
    entry = kept(Folder(str(tmp_path)))
    entry.record.place = Place("Sent", 7, 12)
    entry.record.error = "caf\udce9"
    entry.save()
    entry.wait(0)
    (waiting,) = Folder(str(tmp_path)).all()
    assert waiting.record == entry.record
    assert (waiting.due, waiting.is_lost) == (0, False)


def test_what_is_due_comes_in_its_order(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    later, first, second = kept(folder), kept(folder), kept(folder)
    later.wait(time.time() + 60)
    second.wait(time.time() - 1)
    first.wait(time.time() - 2)
    assert folder.scan() == (3, [first.path, second.path])


def test_one_process_scans(tmp_path: Path) -> None:
    one, other = Folder(str(tmp_path)), Folder(str(tmp_path))
    assert one.scans()
    assert not other.scans()
    assert one.scans()
    one.close()
    assert other.scans()
    other.close()


def test_the_folder_has_a_limit(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path), len(MESSAGE) + 2000)
    entry = kept(folder)
    with pytest.raises(NoRoom):
        folder.keep(record(), Content(b"x" * 2001))
    assert kept(Folder(str(tmp_path))).record == entry.record


def test_what_others_have_written_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "COUNTED", 0.0)
    folder = Folder(str(tmp_path), 1000)
    (tmp_path / "x.eml").write_bytes(b"x" * 1000)
    with pytest.raises(NoRoom):
        kept(folder)
    (tmp_path / "x.eml").unlink()
    kept(folder)


def test_what_is_lost_is_kept(tmp_path: Path) -> None:
    entry = kept(Folder(str(tmp_path)))
    entry.record.error = "no"
    entry.end(is_lost=True)
    assert names(tmp_path) == [".eml", ".lost"]
    (waiting,) = Folder(str(tmp_path)).all()
    assert waiting.is_lost
    assert waiting.record == entry.record
    assert Folder(str(tmp_path)).scan() == (0, [])


def test_messages_without_a_record_go_after_a_day(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    lost, entry = kept(folder), kept(folder)
    lost.end(is_lost=True)
    for name in ("orphan.eml", "orphan.new", "young.eml"):
        (tmp_path / name).write_bytes(b"x")
    for path in tmp_path.iterdir():
        if path.stem != "young":
            os.utime(path, (0, 0))
    folder.scan()
    assert names(tmp_path) == [".copy", ".eml", ".eml", ".eml", ".lost"]
    assert (tmp_path / "young.eml").exists()
    assert entry.octets().size == len(MESSAGE)


@pytest.mark.parametrize("text", ["", "{}", "[]", "no json", '{"marks": 1, "place": null}'])
def test_nonsense_is_no_record(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.copy"
    path.write_text(text)
    with pytest.raises(ValueError, match=r".+"):
        Record.from_json(text)
    with pytest.raises(ValueError, match=r".+"):
        Kept.take(path)
    (waiting,) = Folder(str(tmp_path)).all()
    assert waiting.record is None
