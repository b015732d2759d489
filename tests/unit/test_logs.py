"""Where log lines go, and what they look like."""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from gsubmit.logs import output, places
from gsubmit.settings.sections import LoggingSettings


@pytest.fixture(autouse=True)
def handlers_of_others() -> Iterator[None]:
    log = logging.getLogger("gsubmit")
    before, log.handlers = log.handlers, []
    state = log.level, log.propagate
    yield
    for handler in log.handlers:
        handler.close()
    log.handlers = before
    log.setLevel(state[0])
    log.propagate = state[1]


def written(settings: LoggingSettings, *, prefix: str = "", level: int = logging.INFO, text: str = "x") -> str:
    stream = StringIO()
    output.configure(settings, stream)
    logging.getLogger("gsubmit.session").log(level, "%s", text, extra={"prefix": prefix} if prefix else None)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("level", "word"),
    [
        (logging.INFO, "Info"),
        (logging.WARNING, "Warning"),
        (logging.ERROR, "Error"),
        (logging.CRITICAL, "Fatal"),
    ],
)
def test_level(level: int, word: str) -> None:
    assert written(LoggingSettings(log_timestamp=""), level=level) == f"gsubmit: {word}: x\n"


def test_debug_is_not_written() -> None:
    assert written(LoggingSettings(), level=logging.DEBUG) == ""


def test_prefix() -> None:
    line = written(LoggingSettings(log_timestamp=""), prefix="submission-login")
    assert line == "submission-login: Info: x\n"


@pytest.mark.parametrize(
    ("timestamp", "pattern"),
    [
        pytest.param("%b %d %H:%M:%S ", r"[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d gsubmit: Info: x\n", id="Dovecot's"),
        pytest.param("%Y-%m-%d %% ", r"\d{4}-\d\d-\d\d % gsubmit: Info: x\n", id="another"),
    ],
)
def test_timestamp(timestamp: str, pattern: str) -> None:
    assert re.fullmatch(pattern, written(LoggingSettings(log_timestamp=timestamp)))


def test_every_second_has_its_own_timestamp() -> None:
    stream = StringIO()
    output.configure(LoggingSettings(log_timestamp="%S "), stream)
    log = logging.getLogger("gsubmit")
    for created in (60.0, 60.9, 61.0, 60.0):
        log.handle(logging.makeLogRecord({"levelname": "INFO", "levelno": 20, "msg": "x", "created": created}))
    assert [line[:2] for line in stream.getvalue().splitlines()] == ["00", "00", "01", "00"]


def test_traceback() -> None:
    stream = StringIO()
    output.configure(LoggingSettings(log_timestamp=""), stream)
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("gsubmit").exception("internal error")
    first, second, *_, last = stream.getvalue().splitlines()
    assert (first, second[:9], last) == ("gsubmit: Error: internal error", "Traceback", "ValueError: why")


def tell(settings: LoggingSettings) -> None:
    """One line below a warning, and two that are none."""
    output.configure(settings)
    log = logging.getLogger("gsubmit")
    log.info("info")
    log.warning("warning")
    log.error("error")
    output.flush()


def test_one_file(tmp_path: Path) -> None:
    tell(LoggingSettings(log_path=f"{tmp_path}/log", log_timestamp=""))
    assert (tmp_path / "log").read_text().split() == [
        "gsubmit:",
        "Info:",
        "info",
        "gsubmit:",
        "Warning:",
        "warning",
        "gsubmit:",
        "Error:",
        "error",
    ]


def test_two_files(tmp_path: Path) -> None:
    tell(LoggingSettings(log_path=f"{tmp_path}/log", info_log_path=f"{tmp_path}/info", log_timestamp=""))
    assert (tmp_path / "info").read_text() == "gsubmit: Info: info\n"
    assert (tmp_path / "log").read_text() == "gsubmit: Warning: warning\ngsubmit: Error: error\n"


def test_same_file_twice_is_one(tmp_path: Path) -> None:
    tell(LoggingSettings(log_path=f"{tmp_path}/log", info_log_path=f"{tmp_path}/log"))
    assert len((tmp_path / "log").read_text().splitlines()) == 3


@pytest.mark.parametrize("path", ["", "/dev/stderr"])
def test_stderr(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    tell(LoggingSettings(log_path=path, log_timestamp=""))
    assert capsys.readouterr().err.count("gsubmit: ") == 3


@pytest.mark.parametrize("path", ["", "/dev/stderr"])
def test_the_journal_has_times_and_takes_priorities(
    path: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """systemd.exec(5), sd-daemon(3): where standard error is the stream that JOURNAL_STREAM names."""
    facts = os.fstat(sys.stderr.fileno())
    monkeypatch.setenv("JOURNAL_STREAM", f"{facts.st_dev}:{facts.st_ino}")
    tell(LoggingSettings(log_path=path))
    lines = ["<6>gsubmit: Info: info", "<4>gsubmit: Warning: warning", "<3>gsubmit: Error: error"]
    assert capfd.readouterr().err.splitlines() == lines
    monkeypatch.setenv("JOURNAL_STREAM", f"{facts.st_dev}:{facts.st_ino + 1}")  # standard error leads elsewhere
    tell(LoggingSettings(log_path=path, log_timestamp="now "))
    assert capfd.readouterr().err.splitlines() == [f"now {line[3:]}" for line in lines]


def test_a_traceback_has_its_priority_in_the_journal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    facts = os.fstat(sys.stderr.fileno())
    monkeypatch.setenv("JOURNAL_STREAM", f"{facts.st_dev}:{facts.st_ino}")
    output.configure(LoggingSettings())
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("gsubmit").exception("internal error")
    output.flush()
    lines = capfd.readouterr().err.splitlines()
    assert all(line.startswith("<3>") for line in lines)
    assert (lines[0], lines[-1]) == ("<3>gsubmit: Error: internal error", "<3>ValueError: why")


@pytest.mark.parametrize("is_journal", [True, False])
def test_a_line_about_a_session_needs_no_record(
    is_journal: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    facts = os.fstat(sys.stderr.fileno())
    monkeypatch.setenv("JOURNAL_STREAM", f"{facts.st_dev}:{facts.st_ino + (not is_journal)}")
    output.configure(LoggingSettings(log_timestamp="now "))
    with monkeypatch.context() as patched:
        patched.setattr(logging, "LogRecord", None)
        output.say("submission(tim)<id>", "Logged out: 100 %\nöd")
    logging.getLogger("gsubmit.session").info("%s", "Logged out: 100 %\nöd", extra={"prefix": "submission(tim)<id>"})
    output.flush()
    front = "<6>" if is_journal else "now "
    assert capfd.readouterr().err == f"{front}submission(tim)<id>: Info: Logged out: 100 %??d\n" * 2


@pytest.mark.parametrize("name", ["gsubmit", "gsubmit.session"])
def test_whoever_listens_hears_of_sessions(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    output.configure(LoggingSettings(log_path=f"{tmp_path}/log", log_timestamp=""))
    listened = logging.getLogger(name)
    listened.addHandler(caplog.handler)
    try:
        output.say("submission-login", "Login: 100 %")
    finally:
        listened.removeHandler(caplog.handler)
    output.flush()
    assert caplog.messages == ["Login: 100 %"]
    assert (tmp_path / "log").read_text() == "submission-login: Info: Login: 100 %\n"


def test_lines_about_sessions_go_to_the_info_log(tmp_path: Path) -> None:
    output.configure(LoggingSettings(log_path=f"{tmp_path}/log", info_log_path=f"{tmp_path}/info", log_timestamp=""))
    output.say("submission-login", "Login")
    output.flush()
    assert (tmp_path / "info").read_text() == "submission-login: Info: Login\n"
    assert (tmp_path / "log").read_text() == ""


def test_rotation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was moved away is opened anew, at the next look."""
    monkeypatch.setattr(places, "LOOK_INTERVAL", 0.0)
    path = tmp_path / "log"
    output.configure(LoggingSettings(log_path=str(path), log_timestamp=""))
    log = logging.getLogger("gsubmit")
    log.info("one")
    output.flush()
    path.rename(tmp_path / "log.1")
    log.info("two")
    output.flush()
    assert (tmp_path / "log.1").read_text() == "gsubmit: Info: one\n"
    assert path.read_text() == "gsubmit: Info: two\n"


def test_configured_again(tmp_path: Path) -> None:
    tell(LoggingSettings(log_path=f"{tmp_path}/a"))
    tell(LoggingSettings(log_path=f"{tmp_path}/b"))
    assert len((tmp_path / "a").read_text().splitlines()) == 3
    assert len((tmp_path / "b").read_text().splitlines()) == 3


def test_unwritable(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        output.configure(LoggingSettings(log_path=f"{tmp_path}/gone/log"))


def test_syslog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The facility, the level, and no time: syslog has its own."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(f"{tmp_path}/syslog")
        daemon.settimeout(5)
        monkeypatch.setattr(places, "SYSLOG_SOCKET", f"{tmp_path}/syslog")
        tell(LoggingSettings(log_path="syslog", syslog_facility="local5"))
        lines = [daemon.recv(1000).rstrip(b"\0") for _ in range(3)]
    assert lines == [
        b"<174>gsubmit: gsubmit: Info: info",  # 21 * 8 + 6
        b"<172>gsubmit: gsubmit: Warning: warning",
        b"<171>gsubmit: gsubmit: Error: error",
    ]
