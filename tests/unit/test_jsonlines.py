"""Log lines as JSON: the same facts as fields, whatever others say in them, at every place that lines go to."""

from __future__ import annotations

import json
import logging
import re
import socket
from io import StringIO
from pathlib import Path
from select import PIPE_BUF

import pytest

from gsubmit.logs import journald, output, places
from gsubmit.logs.jsonlines import MAX_OBJECT, said
from gsubmit.settings.sections import LoggingSettings
from tests.unit.test_logs import handlers_of_others, tell

__all__ = ["handlers_of_others"]

WHO = "user=<ann>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2, TLS, session=<s1>"
WHOSE = {"session": "s1", "user": "ann", "method": "PLAIN", "rip": "192.0.2.1", "lip": "192.0.2.2", "tls": True}
OURS = "submission(ann)<s1>"
MINE = {"session": "s1", "user": "ann"}
LOGIN = "submission-login"


@pytest.mark.parametrize(
    ("prefix", "text", "fields"),
    [
        pytest.param(LOGIN, f"Login: {WHO}", WHOSE, id="login"),
        pytest.param(
            LOGIN,
            "Login: user=<ann>, master=<boss>, rip=::1, lip=::1, secured, session=<s1>",
            MINE | {"master": "boss", "rip": "::1", "lip": "::1", "secured": True},
            id="master",
        ),
        pytest.param(LOGIN, f"Login failed: no, no: {WHO}", WHOSE, id="failed"),
        pytest.param(
            LOGIN,
            "Aborted login (auth failed, 2 attempts in 3 secs): user=<>, rip=192.0.2.1, lip=, session=<s1>",
            {"session": "s1", "rip": "192.0.2.1", "lip": ""},
            id="nobody",
        ),
        pytest.param(
            LOGIN, f"Disconnected by proxy: gone, in=5 out=60: {WHO}", WHOSE | {"in": 5, "out": 60}, id="end of a proxied one"
        ),
        pytest.param(
            LOGIN,
            f"Refused RCPT: to=<b@example.net>, by=gsubmit, reply=`503 5.5.1 MAIL needed first': {WHO}",
            WHOSE | {"to": ["b@example.net"], "by": "gsubmit", "reply": "503 5.5.1 MAIL needed first"},
            id="refused before the login",
        ),
        pytest.param("submission-login<s1>", "relay: gone", {"session": "s1"}, id="no user"),
        pytest.param(
            OURS,
            "Relayed message: id=s1:T2, from=<>, nrcpt=12, to=<a@example.org>,<b@example.net>,(10 more), size=99,"
            " msgid=<1@example.org>, relay=unix:/a b, reused=yes, rawlog=/r, reply=`250 2.0.0 it's OK'",
            MINE
            | {"id": "s1:T2", "from": "", "nrcpt": 12, "to": ["a@example.org", "b@example.net"], "size": 99}
            | {"msgid": "<1@example.org>", "relay": "unix:/a b", "reused": "yes", "rawlog": "/r", "reply": "250 2.0.0 it's OK"},
            id="relayed",
        ),
        pytest.param(
            OURS,
            "Failed to relay message: id=s1, from=<a=b>, nrcpt=1, to=<b>, size=0, msgid=, state=RCPT TO, reason=`QUIT'",
            MINE
            | {"id": "s1", "from": "a=b", "nrcpt": 1, "to": ["b"], "size": 0, "msgid": ""}
            | {"state": "RCPT TO", "reason": "QUIT"},
            id="not relayed",
        ),
        pytest.param(
            OURS,
            "Refused MAIL: from=<a>, by=relay, relay=192.0.2.3:25, reused=no, reply=`550 5.1.1 no'",
            MINE | {"from": "a", "by": "relay", "relay": "192.0.2.3:25", "reused": "no", "reply": "550 5.1.1 no"},
            id="refused",
        ),
        pytest.param(OURS, "Disconnected: Logged out in=7 out=8", MINE | {"in": 7, "out": 8}, id="end"),
        pytest.param(
            OURS,
            "Disconnected: Connection closed (12s) (state=RCPT TO) in=7 out=8 (cmds=9)",
            MINE | {"state": "RCPT TO", "in": 7, "out": 8, "cmds": "9"},
            id="end with figures of one's own",
        ),
        pytest.param(
            OURS,
            "Fetched imap://ann@example.org/a;uid=2: method=imap, size=5",
            MINE | {"method": "imap", "size": 5},
            id="fetched",
        ),
        pytest.param("gsubmit", "settings reloaded", {}, id="of the server"),
    ],
)  # fmt: skip
def test_fields(prefix: str, text: str, fields: dict[str, object]) -> None:
    program = prefix.partition("(")[0].partition("<")[0]
    assert said(prefix, text) == {"program": program, "message": text} | fields


FORGED = "', from=<x>, user=<root>, rip=6.6.6.6, lip=6, session=<evil>, size=6"


@pytest.mark.parametrize(
    ("prefix", "text", "fields"),
    [
        pytest.param(
            OURS,
            f"Refused RCPT: from=<a>, to=<b>, by=relay, relay=r, reused=no, reply=`550 5.0.0 no{FORGED}'",
            {"from": "a", "reply": f"550 5.0.0 no{FORGED}"},
            id="a relay's reply",
        ),
        pytest.param(
            OURS,
            "Relayed message: id=1, from=<a>, nrcpt=1, to=<b>, size=1, msgid=<x? size=7? reply=`8'>, relay=r, reply=`250 2.0.0 y'",
            {"size": 1, "reply": "250 2.0.0 y", "msgid": "<x? size=7? reply=`8'>"},
            id="a Message-ID",
        ),
        pytest.param(OURS, f"relay: r said 500 Relayed message: id=1, from=<a>{FORGED}", {}, id="in an error"),
        pytest.param(OURS, f"relay: r said: {WHO}", {}, id="a whole login in an error"),
        pytest.param(OURS, f"Fetched imap://a/{FORGED}: method=x, size=6: method=imap, size=5", {"size": 5}, id="a URL"),
        pytest.param(
            LOGIN, f"Login: {WHO.replace('ann', 'u=<x')}", {}, id="what cannot be there"
        ),
        pytest.param(OURS, "Disconnected: Logged out in=6 in=7 out=8", {"out": 8}, id="a user called in=6"),
        pytest.param(OURS, "Disconnected: Logged out time=1 level=2 user=eve out=8", {"out": 8}, id="names that we use"),
    ],
)  # fmt: skip
def test_others_words_are_no_fields(prefix: str, text: str, fields: dict[str, object]) -> None:
    found = said(prefix, text)
    assert "root" not in found.values() and "evil" not in found.values() and "6.6.6.6" not in found.values()
    assert {name: found.get(name) for name in fields} == fields
    own = {"program", "session", "user", "message", "id", "from", "to", "nrcpt", "by", "relay", "reused", "method"}
    assert found.keys() <= fields.keys() | own
    assert found.get("user", "") in ("", "ann") and found.get("session", "") in ("", "s1")


JSON = LoggingSettings(log_format="json")


def test_a_line_is_an_object() -> None:
    stream = StringIO()
    output.configure(JSON, stream)
    log = logging.getLogger("gsubmit")
    facts = {"levelname": "INFO", "levelno": 20, "msg": f"Login: {WHO} \u00e9\n", "created": 61.0345, "prefix": OURS}
    log.handle(logging.makeLogRecord(facts))
    try:
        raise ValueError("why\nnot")
    except ValueError:
        log.exception("internal error")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert list(first) == ["time", "level", "program", "session", "user", "message"]
    assert (first["time"], first["level"]) == ("1970-01-01T00:01:01.034Z", "info")
    assert first["message"] == f"Login: {WHO} ??"
    assert second["traceback"].endswith("ValueError: why\nnot\n") and second["level"] == "error"


@pytest.mark.parametrize("length", [10, 60, 300, 400], ids=["short", "long", "longer", "longest"])
def test_what_a_pipe_keeps_whole(length: int) -> None:
    """Facts stay, the line is cut, and where that is not enough there are fewer recipients."""
    stream = StringIO()
    output.configure(JSON, stream)
    to = [f"{number}{'x' * length}@example.org" for number in range(10)]
    said = ",".join(f"<{one}>" for one in to)
    text = (
        f"Failed to relay message: id=i, from=<a@b>, nrcpt=10, to={said}, size=9, msgid=<m@c>, by=relay, reply=`550 no'"
    )
    logging.getLogger("gsubmit").info(text, extra={"prefix": OURS})
    line = stream.getvalue()
    assert len(line) + len("<134>gsubmit: @cee: ") <= PIPE_BUF
    fields = json.loads(line)
    assert MINE.items() <= fields.items() and fields["reply"] == "550 no" and fields["nrcpt"] == 10
    assert text.startswith(fields["message"]) and fields["to"] == to[: len(fields["to"])]
    assert len(line) < 2000 or len(line) > MAX_OBJECT - 400, "no more is left out than has to be"
    assert (fields["message"] == text) is (length < 300)
    assert (len(fields["to"]) == 10) is (length < 400)


def test_in_a_file(tmp_path: Path) -> None:
    tell(LoggingSettings(log_path=f"{tmp_path}/log", log_format="json"))
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["level"] for line in lines] == ["info", "warning", "error"]


def datagrams(path: Path, number: int, settings: LoggingSettings) -> list[bytes]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(path))
        daemon.settimeout(5)
        tell(settings)
        return [daemon.recv(10000) for _ in range(number)]


def test_to_syslog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the cookie that says so."""
    monkeypatch.setattr(places, "SYSLOG_SOCKET", f"{tmp_path}/socket")
    found = datagrams(tmp_path / "socket", 3, LoggingSettings(log_path="syslog", log_format="json"))
    front, _, rest = found[1].rstrip(b"\0").partition(b"@cee: ")
    assert front == b"<20>gsubmit: "  # 2 * 8 + 4
    assert json.loads(rest)["message"] == "warning"


def test_to_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journald, "JOURNAL_SOCKET", f"{tmp_path}/socket")
    found = datagrams(tmp_path / "socket", 3, LoggingSettings(log_path="journal"))
    assert found[1].splitlines() == [
        b"MESSAGE=gsubmit: Warning: warning",
        b"PRIORITY=4",
        b"SYSLOG_FACILITY=2",
        b"SYSLOG_IDENTIFIER=gsubmit",
        b"GSUBMIT_LEVEL=warning",
        b"GSUBMIT_PROGRAM=gsubmit",
    ]


def test_the_journal_gets_fields_and_long_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value with line ends has its length before it, as 64 bits, least first."""
    monkeypatch.setattr(journald, "JOURNAL_SOCKET", f"{tmp_path}/socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(f"{tmp_path}/socket")
        daemon.settimeout(5)
        output.configure(LoggingSettings(log_path="journal"))
        log = logging.getLogger("gsubmit")
        log.info("Refused RCPT: from=<a>, to=<b>, by=relay, reply=`no'", extra={"prefix": OURS})
        try:
            raise ValueError("why")
        except ValueError:
            log.exception("internal error")
        first, second = daemon.recv(10000), daemon.recv(10000)
    fields = {b"GSUBMIT_SESSION=s1", b"GSUBMIT_USER=ann", b"GSUBMIT_FROM=a", b"GSUBMIT_TO=b", b"GSUBMIT_REPLY=no"}
    assert fields <= set(first.splitlines())
    assert first.startswith(b"MESSAGE=submission(ann)<s1>: Info: Refused RCPT: from=<a>")
    assert second.startswith(b"MESSAGE\n")
    size = int.from_bytes(second[8:16], "little")
    assert second[16 : 16 + size].endswith(b"\nValueError: why") and second[16 + size :].startswith(b"\nPRIORITY=3\n")


def test_without_a_journal_lines_go_to_the_standard_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(journald, "JOURNAL_SOCKET", f"{tmp_path}/gone")
    monkeypatch.setattr(places, "PATIENCE", 0.0)
    tell(LoggingSettings(log_path="journal"))
    assert re.findall(r"gsubmit: \w+: \w+$", capfd.readouterr().err, re.MULTILINE) == [
        "gsubmit: Info: info",
        "gsubmit: Warning: warning",
        "gsubmit: Error: error",
    ]
