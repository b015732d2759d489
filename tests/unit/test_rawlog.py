"""Everything that was said on one connection, without the secrets."""

from __future__ import annotations

import logging
import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from gsubmit.logs import rawlog as rawlogs
from gsubmit.logs.background import Background
from gsubmit.logs.complaints import Complaint
from gsubmit.logs.rawlog import Rawlog, flush, mask, open_rawlog


def said(path: Path) -> bytes:
    """What a file holds, without the times; each line has one."""
    flush()
    lines = path.read_bytes().splitlines(keepends=True)
    assert all(re.match(rb"\d{10}\.\d{6} ", line) for line in lines)
    return b"".join(line.partition(b" ")[2] for line in lines)


def files(folder: Path) -> tuple[Path, Path]:
    """What was received, and what was sent."""
    (received,), (sent,) = folder.glob("*.in"), folder.glob("*.out")
    return received, sent


@pytest.fixture
def rawlog(tmp_path: Path) -> Iterator[Rawlog]:
    opened = open_rawlog(str(tmp_path), "client", "AbC_d-1")
    assert opened is not None
    yield opened
    opened.close()


def test_two_files(rawlog: Rawlog, tmp_path: Path) -> None:
    rawlog.received(b"NOOP\r\nRSET\r\n")
    rawlog.sent(b"250 2.0.0 OK\r\n")
    received, sent = files(tmp_path)
    assert (said(received), said(sent)) == (b"NOOP\r\nRSET\r\n", b"250 2.0.0 OK\r\n")
    assert received.stem == sent.stem


def test_secret(rawlog: Rawlog, tmp_path: Path) -> None:
    rawlog.received(b"c2VjcmV0\r\n", secret=True)
    rawlog.sent(b"c2VjcmV0\r\n", secret=True)
    assert [said(path) for path in files(tmp_path)] == [b"<secret>\r\n"] * 2


def test_only_the_owner_reads(rawlog: Rawlog, tmp_path: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in files(tmp_path)} == {0o600}


def test_names_differ(tmp_path: Path) -> None:
    for _ in range(3):
        opened = open_rawlog(str(tmp_path), "client", "AbC_d-1")
        assert opened is not None
        opened.close()
    assert len({path.stem for path in tmp_path.iterdir()}) == 3
    assert all(
        re.fullmatch(rf"\d{{8}}-\d{{6}}\.{os.getpid()}\.\d+\.AbC_d-1\.client", path.stem) for path in tmp_path.iterdir()
    )


@pytest.mark.parametrize(
    ("session", "end"),
    [
        pytest.param("", "relay", id="nobody's"),
        pytest.param("front+1/../../x=:@", "front_1_______x___.relay", id="a front end's"),
        pytest.param("x" * 300, f"{'x' * 64}.relay", id="long"),
    ],
)
def test_a_session_id_makes_no_path(tmp_path: Path, session: str, end: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    opened = open_rawlog(str(tmp_path), "relay", session)
    assert opened is not None
    opened.close()
    assert {path.name for path in tmp_path.iterdir()} == {f"{opened.name}.in", f"{opened.name}.out"}
    assert re.fullmatch(rf"\d{{8}}-\d{{6}}\.\d+\.\d+\.{end}", opened.name)
    assert caplog.messages == [f"rawlog of session=<{session}>: {opened.name}"]


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        pytest.param(b"AUTH PLAIN AHUAcA==", b"AUTH PLAIN <secret>", id="initial response"),
        pytest.param(b"AUTH PLAIN AHUAcA==\r\n", b"AUTH PLAIN <secret>\r\n", id="with its CRLF"),
        pytest.param(b"auth plain AHUAcA==", b"auth plain <secret>", id="any case"),
        pytest.param(b"AUTH  PLAIN\t\tAHUAcA== x", b"AUTH  PLAIN\t\t<secret>", id="white space"),
        pytest.param(b"AUTH PLAIN =", b"AUTH PLAIN <secret>", id="empty response"),
        pytest.param(b"AUTH PLAIN \xff", b"AUTH PLAIN <secret>", id="any octets"),
        pytest.param(b" AUTH PLAIN x", b" AUTH PLAIN <secret>", id="a bad line"),
        pytest.param(b"AUTH LOGIN", b"AUTH LOGIN", id="no response"),
        pytest.param(b"AUTH", b"AUTH", id="verb alone"),
        pytest.param(b"XCLIENT FORWARD=YT0x PORT=1", b"XCLIENT FORWARD=<secret> PORT=1", id="what passdbs tell others"),
        pytest.param(b" xclient\tforward=YT0x\r\n", b" xclient\tforward=<secret>\r\n", id="the same in any case"),
        pytest.param(b"NOOP\nXCLIENT FORWARD=YT0x", b"NOOP\nXCLIENT FORWARD=<secret>", id="behind a bare LF"),
        pytest.param(b"XCLIENT ADDR=192.0.2.1", b"XCLIENT ADDR=192.0.2.1", id="without it"),
        pytest.param(b"AUTH PLAIN XCLIENT", b"AUTH PLAIN <secret>", id="a response that looks like it"),
        pytest.param(b"NOOP AUTHOR b c", b"NOOP AUTHOR b c", id="another word"),
        pytest.param(b"MAIL FROM:<a@x> AUTH=<> SIZE=1", b"MAIL FROM:<a@x> AUTH=<> SIZE=1", id="the parameter"),
    ],
)
def test_mask(line: bytes, masked: bytes) -> None:
    assert mask(line) == masked


def test_no_setting() -> None:
    assert open_rawlog("", "client") is None


def test_folder_missing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A rawlog that cannot be made is a warning, not a failure."""
    assert open_rawlog(f"{tmp_path}/gone", "client") is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_full_disk(rawlog: Rawlog, tmp_path: Path) -> None:
    """Mail goes on although its copy cannot be written."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        for _ in range(3):
            rawlog.received(b"x" * 200 + b"\r\n")
            rawlog.sent(b"x" * 200 + b"\r\n")
            flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert all(path.stat().st_size <= 100 for path in files(tmp_path))


def test_second_file_cannot_be_made(tmp_path: Path) -> None:
    """The first one is closed then."""
    (tmp_path / "x.out").touch()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileExistsError):
        Rawlog(tmp_path / "x")
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("sent", "secret", "reply"),
    [
        (b"AUTH PLAIN AHUAc2VjcmV0\r\n", False, b"535 5.7.8 not AHUAc2VjcmV0\r\n"),
        (b"AUTH PLAIN AHUAc2VjcmV0\r\n", False, b"535 5.7.8 password 'secret' is wrong\r\n"),
        (b"c2VjcmV0\r\n", True, b"535 5.7.8 not c2VjcmV0, secret\r\n"),
    ],
)
def test_a_relay_that_repeats_what_it_does_not_like(
    rawlog: Rawlog, tmp_path: Path, sent: bytes, secret: bool, reply: bytes
) -> None:
    rawlog.sent(sent, secret=secret)
    rawlog.received(reply)
    text = b"".join(said(path) for path in files(tmp_path))
    assert b"535 5.7.8 " in text and b"<secret>" in text
    assert not re.search(b"secret[^>]|c2VjcmV0", text)


def test_auth_that_holds_no_secret_hides_nothing(rawlog: Rawlog, tmp_path: Path) -> None:
    rawlog.sent(b"AUTH LOGIN\r\n")
    rawlog.received(b"504 5.5.4 LOGIN is unknown\r\n")
    assert said(files(tmp_path)[0]) == b"504 5.5.4 LOGIN is unknown\r\n"


def test_a_disk_that_is_too_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody waits for it: the rawlog ends, with one line in the log for all of them."""
    caplog.set_level("WARNING")
    monkeypatch.setattr(rawlogs, "_broken", Complaint(logging.getLogger("gsubmit")))
    stuck = Background(rawlogs._work, 1000)
    monkeypatch.setattr(stuck, "_is_running", True)  # and never does anything
    monkeypatch.setattr(rawlogs, "_background", stuck)
    opened = [open_rawlog(str(tmp_path), "client", "AbC_d-1") for _ in range(2)]
    for each in opened:
        assert each is not None
        for _ in range(100):
            each.received(b"x" * 100 + b"\r\n")
        each.close()
    assert [record.getMessage() for record in caplog.records] == ["rawlog: the disk is too slow"]
    items = [item for item, _ in stuck._queue]
    assert sum(not octets for _, _, octets in items) == 4  # all files are closed in the end
    rawlogs._work(items)


def test_closing_twice_raises_nothing(tmp_path: Path) -> None:
    opened = open_rawlog(str(tmp_path), "client", "AbC_d-1")
    assert opened is not None
    for descriptor in list(Path("/proc/self/fd").iterdir()):
        if descriptor.is_symlink() and tmp_path in descriptor.readlink().parents:
            os.close(int(descriptor.name))
    opened.close()
    opened.received(b"x")
    flush()
