"""The log on bad days: lines may be late, or lost and counted; whoever logs neither waits nor fails."""

from __future__ import annotations

import errno
import gc
import itertools
import logging
import os
import re
import socket
import stat
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from gevent import monkey

from gsubmit.app.forking import await_end, fork
from gsubmit.logs import background, output, places
from gsubmit.logs.places import LogFile, Owner
from gsubmit.settings.sections import LoggingSettings
from tests.harness.peer_process import eventually

LINE = "x" * 1000
need_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(places, "LOOK_INTERVAL", 0.0)
    monkeypatch.setattr(background, "RETRY", 0.01)
    monkeypatch.setattr(output, "MAX_WAITING", 100_000)
    monkeypatch.setattr(output, "LAST_TIME", 0.2)
    log = logging.getLogger("gsubmit")
    before, log.handlers, last_resort = log.handlers, [], logging.lastResort
    yield
    for handler in log.handlers:
        handler.close()
    log.handlers, logging.lastResort = before, last_resort


def told(capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What stands on standard error so far."""
    said: list[str] = []

    def look() -> str:
        said.append(capfd.readouterr().err)
        return "".join(said)

    return look


def start(path: Path | str, owner: Owner | None = None) -> logging.Logger:
    output.configure(LoggingSettings(log_path=str(path), log_timestamp=""), owner=owner)
    return logging.getLogger("gsubmit")


def lost(text: str) -> int:
    """How many lines the log says were lost."""
    return sum(int(number) for number in re.findall(r"Warning: log: (\d+) lines were lost: ", text))


class Disk:
    """Answers for os.write of one file: how many octets fit, and which error comes then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
        self.room = 0
        self._code = code
        self._write = os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, file: int, octets: bytes) -> int:
        if file == 2:
            return self._write(file, octets)
        if not self.room:
            raise OSError(self._code, os.strerror(self._code))
        taken = octets[: self.room]
        self.room -= len(taken)
        return self._write(file, taken)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EROFS, errno.EPIPE])
@pytest.mark.parametrize("room", [0, 30])
def test_what_cannot_be_written_now_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], code: int, room: int
) -> None:
    """Also when the disk took half a line; standard error hears of it once, and gets no traceback."""
    disk = Disk(monkeypatch, code)
    disk.room = room
    log, look = start(tmp_path / "log"), told(capfd)
    for number in range(100):
        log.info("line %d", number)
    eventually("a word about it", look)
    disk.room = 1 << 20
    output.flush()
    eventually("all lines", lambda: "line 99\n" in (tmp_path / "log").read_text())
    assert (tmp_path / "log").read_text() == "".join(f"gsubmit: Info: line {number}\n" for number in range(100))
    assert look() == f"gsubmit: Error: cannot write the log to {tmp_path}/log: {os.strerror(code)}\n"


def test_lost_lines_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is more than can wait is lost; the number stands where the lines would, and the order is kept."""
    disk = Disk(monkeypatch, errno.ENOSPC)
    log = start(tmp_path / "log")
    log.info("%s 0", LINE)
    eventually("a word about it", told(capfd))
    for number in range(1, 1000):
        log.info("%s %d", LINE, number)
    disk.room = 1 << 30
    eventually("room", lambda: (tmp_path / "log").stat().st_size)
    output.flush()
    log.info("%s %d", LINE, 1000)
    output.flush()
    written = (tmp_path / "log").read_text()
    numbers = [int(line.split()[-1]) for line in written.splitlines() if LINE in line]
    assert numbers == [*range(len(numbers) - 1), 1000]
    assert lost(written) == 1001 - len(numbers) > 0
    assert "lines were lost: No space left on device\ngsubmit: Info: x" in written


@pytest.fixture
def pipe(quick: None) -> Iterator[tuple[int, int]]:
    """Both ends of one."""
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def test_a_pipe_that_nobody_reads(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever logs does not wait, and neither does the end of the process."""
    reader, writer = pipe
    monkeypatch.setattr("sys.stderr", SimpleNamespace(fileno=lambda: writer))
    log = start("")
    for number in range(2000):
        log.info("%s %d", LINE, number)
    text, tries = "", itertools.count(1)
    while (later := re.search(r"gsubmit: Info: try (\d+)\n", text)) is None:  # read now, and there is room again
        log.info("try %d", next(tries))
        output.flush()
        text += os.read(reader, 1 << 20).decode()
    assert lost(text) == 2000 - text.count(LINE) + int(later[1]) - 1 > 0


def test_a_reader_that_has_gone(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = pipe
    os.close(reader)
    monkeypatch.setattr("sys.stderr", SimpleNamespace(fileno=lambda: writer))
    log = start("")
    for _ in range(10):
        log.info("x")
    output.flush()


def test_a_non_blocking_pipe(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that shares it may have made it one."""
    reader, writer = pipe
    os.set_blocking(writer, False)
    monkeypatch.setattr("sys.stderr", SimpleNamespace(fileno=lambda: writer))
    log = start("")
    for _ in range(90):
        log.info(LINE)
    text = b""
    while text.count(b"\n") < 90:
        text += os.read(reader, 1 << 20)


def test_lines_of_several_processes_stay_whole(pipe: tuple[int, int]) -> None:
    """They wait for a slow reader at the same time, and a pipe takes a long piece in parts (pipe(7))."""
    reader, writer = pipe

    def write(letter: bytes) -> int:
        places.StandardError(writer).write([letter * 700 + b"\n"] * 150)
        return 0

    children = [fork(partial(write, letter), None, ()) for letter in (b"a", b"b")]
    monkey.get_original("os", "close")(writer)  # gevent's closes it later
    octets = b""
    while piece := os.read(reader, 5000):
        octets += piece
    assert [await_end(child) for child in children] == [0, 0]
    assert {*octets.splitlines()} == {b"a" * 700, b"b" * 700}
    assert octets.count(b"\n") == 300


def test_a_socket_is_no_fifo_whose_reader_comes_later(tmp_path: Path) -> None:
    """As /dev/stdout may be one: nothing can ever be written there, and whoever starts the server must hear of it."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "log"))
        with pytest.raises(OSError, match="No such device or address"):
            LogFile(str(tmp_path / "log"))


def test_a_fifo_whose_reader_comes_later(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "log")
    log, look = start(tmp_path / "log"), told(capfd)
    log.info("one")
    eventually("a word about it", look)
    reader = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    text = b""

    def read() -> bool:
        nonlocal text
        with suppress(BlockingIOError):
            text += os.read(reader, 1000)
        return bool(text)

    eventually("the line", read)
    assert text == b"gsubmit: Info: one\n"
    os.close(reader)


# Rotation


def test_lines_go_on_where_they_went(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be opened again is said once, in the log that there is; the next look finds the new one."""
    path = tmp_path / "log"
    log = start(path)
    log.info("one")
    output.flush()
    path.rename(tmp_path / "log.1")
    opening, code = places._open, errno.EACCES

    def fail(path: str, flags: int = 0) -> int:
        raise OSError(code, os.strerror(code), path)

    monkeypatch.setattr(places, "_open", fail)
    for text in ("two", "three"):
        log.info(text)
        output.flush()
    code = errno.EMFILE
    log.info("four")
    output.flush()
    monkeypatch.setattr(places, "_open", opening)
    log.info("five")
    output.flush()
    complaint = f"Warning: cannot open {path} again, lines go on into the old file: "
    assert (tmp_path / "log.1").read_text().replace("gsubmit: ", "").splitlines() == [
        "Info: one",
        "Info: two",
        complaint + "Permission denied",
        "Info: three",
        "Info: four",
        complaint + "Too many open files",
    ]
    assert path.read_text() == "gsubmit: Info: five\n"


def test_a_folder_that_is_gone_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    log = start(folder / "log")
    log.info("one")
    output.flush()
    (folder / "log").unlink()
    folder.rmdir()
    log.info("two")
    output.flush()
    folder.mkdir()
    eventually("the line", (folder / "log").read_text)
    assert (folder / "log").read_text() == "gsubmit: Info: two\n"


def test_copytruncate(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = start(path)
    log.info("one")
    output.flush()
    os.truncate(path, 0)
    log.info("two")
    output.flush()
    assert path.read_bytes() == b"gsubmit: Info: two\n"


def test_a_signal_makes_us_look_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "LOOK_INTERVAL", 3600.0)
    path = tmp_path / "log"
    log = start(path)
    path.rename(tmp_path / "log.1")
    log.info("one")
    output.flush()
    output.look_soon()
    log.info("two")
    output.flush()
    assert ((tmp_path / "log.1").read_text(), path.read_text()) == ("gsubmit: Info: one\n", "gsubmit: Info: two\n")


# Syslog


def daemon(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(path))
    sock.settimeout(5)
    return sock


def test_syslog_comes_and_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Lines wait for a daemon that is not there, and for a new one."""
    monkeypatch.setattr(places, "SYSLOG_SOCKET", f"{tmp_path}/socket")
    log, look = start("syslog"), told(capfd)
    log.info("one")
    eventually("a word about it", look)
    with daemon(tmp_path / "socket") as sock:
        assert sock.recv(1000) == b"<22>gsubmit: gsubmit: Info: one\0"
    log.info("two")
    with daemon(tmp_path / "socket") as sock:
        assert sock.recv(1000) == b"<22>gsubmit: gsubmit: Info: two\0"
    assert "Traceback" not in look()


def test_without_syslog_lines_go_to_standard_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One line says why, and it is tried again with each line."""
    monkeypatch.setattr(places, "SYSLOG_SOCKET", f"{tmp_path}/socket")
    monkeypatch.setattr(places, "PATIENCE", 0.0)
    log, look = start("syslog"), told(capfd)
    log.info("one")
    try:
        raise ValueError("why")
    except ValueError:
        log.exception("two")
    log.error("three")
    eventually("the lines", lambda: "three" in look())
    lines = look().splitlines()
    assert [lines[0], *lines[-2:]] == ["gsubmit: Info: one", "ValueError: why", "gsubmit: Error: three"]
    assert not [line for line in lines if line.startswith("<")]
    with daemon(tmp_path / "socket") as sock:
        log.info("four")
        assert sock.recv(1000) == b"<22>gsubmit: gsubmit: Info: four\0"
        expected = b"log: 3 lines went to the standard error, for syslog was not there\0"
        assert sock.recv(1000) == b"<20>gsubmit: gsubmit: Warning: " + expected
    assert "four" not in look()


def test_a_short_life_without_syslog_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Lines that still wait for it at the end, among them one that says why the server cannot start."""
    monkeypatch.setattr(places, "SYSLOG_SOCKET", f"{tmp_path}/socket")
    monkeypatch.setattr(places, "PATIENCE", 0.05)
    log, look = start("syslog"), told(capfd)
    log.error("one")
    output.close()
    assert look().splitlines() == [
        "gsubmit: Error: cannot write the log to syslog: No such file or directory",
        "gsubmit: Error: one",
    ]


def test_a_syslog_that_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its socket takes few datagrams; whoever logs does not wait for it."""
    monkeypatch.setattr(places, "SYSLOG_SOCKET", f"{tmp_path}/socket")
    with daemon(tmp_path / "socket") as sock:
        log = start("syslog")
        for _ in range(2000):
            log.info(LINE)
        assert sock.recv(2000).endswith(b"x\0")

        def is_told() -> bool:
            """It is said with the next line that there is room for, which the thread may know only when all is read."""
            log.info("more")
            with suppress(TimeoutError):
                return b"lines were lost" in sock.recv(2000)
            return False

        sock.settimeout(0.05)
        eventually("the loss", is_told)


def test_a_traceback_is_several_messages_to_syslog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "SYSLOG_SOCKET", f"{tmp_path}/socket")
    with daemon(tmp_path / "socket") as sock:
        try:
            raise ValueError("why")
        except ValueError:
            start("syslog").exception("internal error")
        first, *_, last = [sock.recv(1000) for _ in range(5)]
    assert (first, last) == (b"<19>gsubmit: gsubmit: Error: internal error\0", b"<19>gsubmit: ValueError: why\0")


# Whose files they are


@need_root
@pytest.mark.parametrize("there", [False, True], ids=["new", "root's"])
def test_files_belong_to_the_user_who_writes_them(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "log").touch()
    LogFile(str(tmp_path / "log"), Owner(65534, 65533)).close()
    facts = (tmp_path / "log").stat()
    assert (facts.st_uid, facts.st_gid) == (65534, 65533)


@need_root
def test_somebody_elses_file_stays_his(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    os.chown(tmp_path / "log", 1234, 1234)
    LogFile(str(tmp_path / "log"), Owner(65534, 65534)).close()
    assert (tmp_path / "log").stat().st_uid == 1234


@need_root
@pytest.mark.parametrize("make", [os.link, os.symlink])
def test_the_user_gets_no_other_file_by_a_link(tmp_path: Path, make: Callable[[Path, Path], None]) -> None:
    """Who owns the folder of the log can put there what he likes, and wait for the next start by root."""
    shadow, path = tmp_path / "shadow", tmp_path / "log"
    shadow.write_text("secret")
    make(shadow, path)
    try:
        LogFile(str(path), Owner(65534, 65534)).close()
    except PermissionError as error:
        assert make is os.symlink and "is a link to a file that does not belong to" in str(error)
    assert (shadow.stat().st_uid, shadow.read_text()) == (0, "secret")


@need_root
def test_a_link_to_nothing_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "nologin")
    with pytest.raises(FileNotFoundError):
        LogFile(str(tmp_path / "log"), Owner(65534, 65534))
    assert not (tmp_path / "nologin").exists()


@need_root
def test_devices_stay_whose_they_are() -> None:
    LogFile("/dev/null", Owner(65534, 65534)).close()
    facts = Path("/dev/null").stat()
    assert stat.S_ISCHR(facts.st_mode) and facts.st_uid == 0


# Lines that are wrong


@pytest.mark.parametrize("path", ["log", ""])
def test_a_line_that_cannot_be_made_harms_nobody(tmp_path: Path, path: str) -> None:
    log = start(tmp_path / path if path else "")
    for text in ("%d %d", "%s", "%d"):
        log.info(text, "one")
    output.flush()


def test_the_garbage_collector_finds_no_log_that_has_ended(tmp_path: Path) -> None:
    """It would take logging's lock, perhaps in a session that is just taking it and then waits for itself."""
    log = start(tmp_path / "log")
    ended = weakref.ref(log.handlers[0])
    start(tmp_path / "another")
    gc.collect()
    assert ended() is not None
