"""One transaction with a relay that dies, loses keywords, or answers at a strange moment (RLY-8 to RLY-17)."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable
from pathlib import Path
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any

import gevent
import pytest

from gsubmit.dial.connection import RelayConnection
from gsubmit.dial.xclient import ClientFacts
from gsubmit.message.content import Content
from gsubmit.relay import delivery, requests
from gsubmit.relay.fit import fitting
from gsubmit.smtp.envelope import read_sender
from gsubmit.smtp.replies import (
    CANNOT_CONVERT,
    NO_UTF8_SENDER,
    RELAY_LOST,
    RELAY_NONSENSE,
    RELAY_REFUSES_US,
    RELAY_SLOW,
    UTF8_HEADER,
)
from gsubmit.smtp.reply import Reply
from tests.harness.smtpserver import CLOSE, DEAF, DEFAULTS, RESET, SILENT, Answer, Server, ehlo, in_turn, later
from tests.unit.relay.relaying import begin, busy, recipient, relaying
from tests.unit.relay.sent import ALICE, TEXT, Sent

EIGHT_BIT = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ncaf\xc3\xa9\r\n"
SIGNED = b'MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary="b"\r\n\r\n--b\r\n' + EIGHT_BIT + b"--b--\r\n"
SIGNED_STAYS = Reply(
    CANNOT_CONVERT.code,
    CANNOT_CONVERT.status,
    f"{CANNOT_CONVERT.text}: part 1 (text/plain, 7bit) within the message (multipart/signed) must not change",
)
LARGE = TEXT + (b"x" * 78 + b"\r\n") * 120000  # more than the sockets hold
RICH, POOR = ehlo("PIPELINING", "CHUNKING", "8BITMIME", "DSN", "SMTPUTF8"), ehlo()


@pytest.mark.parametrize("keywords", [RICH, POOR], ids=["CHUNKING", "DATA"])
def test_all_is_well(tmp_path: Path, keywords: str) -> None:
    server = Server({"EHLO": keywords})
    with relaying(server) as relay:
        sent = Sent(relay, tmp_path, "b", "c")
        assert [reply.code for reply in (sent.sender, *sent.recipients, sent.final) if reply] == [250] * 4
        assert server.mails == [b"Received: here\r\n" + TEXT]
        assert len(relay.pool.idle) == 1


def test_login_is_told(tmp_path: Path) -> None:
    """AUT-21."""
    server = Server({"EHLO": ehlo("AUTH PLAIN", "PIPELINING")})
    with relaying(server) as relay:
        Sent(relay, tmp_path, mail="<a@x>")
        assert server.talks[0].lines[1] == "MAIL FROM:<a@x> AUTH=alice@example.org"


# A connection that dies is replaced once, up to the end of the message


@pytest.mark.parametrize("end", [CLOSE, RESET, "421 4.3.2 Bye"])
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "second RCPT", "DATA"])
@pytest.mark.parametrize("keywords", [ehlo("PIPELINING"), POOR], ids=["PIPELINING", "one at a time"])
def test_replayed(tmp_path: Path, keywords: str, step: str, end: str) -> None:
    """The client notices nothing."""
    dying: dict[str, Answer] = {step: end}
    if step == "second RCPT":
        dying = {"RCPT": in_turn("250 2.1.5 Recipient ok", end)}
    server = Server({"EHLO": keywords}, each=[dying])
    with relaying(server) as relay:
        sent = Sent(relay, tmp_path, "b", "c")
        assert [reply.code for reply in (sent.sender, *sent.recipients, sent.final) if reply] == [250] * 4
        assert [len(talk.mails) for talk in server.talks] == [0, 1]
        assert server.talks[1].verbs() == "EHLO MAIL RCPT RCPT DATA"
        assert len(relay.pool.idle) == 1


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_only_once(tmp_path: Path, step: str, caplog: pytest.LogCaptureFixture) -> None:
    server = Server({"EHLO": POOR, step: CLOSE})
    with relaying(server) as relay:
        assert Sent(relay, tmp_path).final == RELAY_LOST
        assert len(server.talks) == 2
        assert relay.pool.idle == []
    (line,) = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert line.startswith("relay: lost connection to ") and "unknown" not in line


@pytest.mark.parametrize("keywords", [RICH, POOR], ids=["CHUNKING", "DATA"])
@pytest.mark.parametrize(
    ("end", "reply"),
    [
        (CLOSE, RELAY_LOST),
        (RESET, RELAY_LOST),
        (SILENT, RELAY_SLOW),
        ("354 Go on", RELAY_NONSENSE),
        ("x", RELAY_NONSENSE),
    ],
)
def test_never_again_after_the_end(
    tmp_path: Path, keywords: str, end: str, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    """TMO-4: the outcome is unknown, and the log says so."""
    server = Server({"EHLO": keywords, "content": end})
    with relaying(server, data_done_timeout=0.3) as relay:
        assert Sent(relay, tmp_path).final == reply
        assert len(server.mails) == 1
        assert len(server.talks) == 1
        assert relay.pool.idle == []
    assert "whether the relay took the message is unknown" in caplog.text


@pytest.mark.parametrize("keywords", [RICH, POOR], ids=["CHUNKING", "DATA"])
@pytest.mark.parametrize("end", [CLOSE, RESET, "421 4.3.2 Bye"])
def test_dies_within_the_body(tmp_path: Path, keywords: str, end: str) -> None:
    """Before its end the message may go a second time."""
    server = Server({"EHLO": keywords}, each=[{"body": end}])
    with relaying(server) as relay:
        assert Sent(relay, tmp_path, content=LARGE).final.code == 250
        assert server.mails == [b"Received: here\r\n" + LARGE]
        assert len(server.talks) == 2


@pytest.mark.parametrize("end", ["250 2.0.0 Taken", "550 5.7.1 No", CLOSE])
def test_the_converted_copy_is_closed(tmp_path: Path, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    copies: list[Content] = []

    def noted(*args: Any) -> Content:
        copies.append(fitting(*args))
        return copies[-1]

    monkeypatch.setattr(delivery, "fitting", noted)
    with relaying(Server({"EHLO": POOR, "content": end})) as relay:
        Sent(relay, tmp_path, content=EIGHT_BIT)
    assert copies and all(copy.size and not list(copy.blocks()) for copy in copies)


@pytest.mark.parametrize("keywords", [RICH, POOR], ids=["CHUNKING", "DATA"])
def test_refused_within_the_body(tmp_path: Path, keywords: str) -> None:
    """The upload stops and the refusal is passed on; the connection cannot be used again."""
    server = Server({"EHLO": keywords}, each=[{"body": "552 5.3.4 Too big"}])
    with relaying(server) as relay:
        assert Sent(relay, tmp_path, content=LARGE).final == Reply(552, "5.3.4", "Too big")
        assert len(server.talks) == 1
        assert relay.pool.idle == []


@pytest.mark.parametrize("keywords", [RICH, POOR], ids=["CHUNKING", "DATA"])
@pytest.mark.parametrize(
    ("answers", "final", "timeout"),
    [
        pytest.param({"body": later(0.2, "552 5.3.4 Too big"), "after": DEAF}, Reply(552, "5.3.4", "Too big"), 5.0, id="says no"),
        pytest.param({"body": later(0.2, "421 4.3.2 Bye"), "after": DEAF}, RELAY_LOST, 5.0, id="says 421"),
        pytest.param({"body": DEAF}, RELAY_SLOW, 0.3, id="says nothing"),
    ],
)  # fmt: skip
def test_deaf_within_a_small_message(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    keywords: str,
    answers: dict[str, Answer],
    final: Reply,
    timeout: float,
) -> None:
    """RLY-10: a relay that speaks instead of reading is heard while we wait for room, not when the time is over."""
    server = Server({"EHLO": keywords} | answers)
    with relaying(server, command_timeout=timeout) as relay:
        dial = relay.pool.dial

        def dial_narrow(client: ClientFacts | None) -> RelayConnection:
            connection = dial(client)
            assert connection.sock is not None
            connection.sock.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096)
            return connection

        monkeypatch.setattr(relay.pool, "dial", dial_narrow)
        assert Sent(relay, tmp_path, content=LARGE[:120000]).final == final
        assert server.mails == []
        assert relay.pool.idle == []


def test_slow_is_not_lost(tmp_path: Path) -> None:
    """A relay that does not answer in time is not asked again."""
    server = Server({"RCPT": SILENT})
    with relaying(server, command_timeout=0.2) as relay:
        assert Sent(relay, tmp_path).final == RELAY_SLOW
        assert len(server.talks) == 1


def test_no_second_connection(tmp_path: Path) -> None:
    server = Server(each=[{"RCPT": CLOSE}, {"greeting": "421 4.3.2 Busy"}])
    with relaying(server) as relay:
        assert Sent(relay, tmp_path).final == RELAY_REFUSES_US
        assert busy(relay) == 0


def test_refused_recipients_stay_refused(tmp_path: Path) -> None:
    """They are asked for again, and the same answer is no surprise."""
    refuses_bad: Callable[[str], str] = lambda line: "550 5.1.1 No" if "bad" in line else "250 2.1.5 Yes"  # noqa: E731
    server = Server({"EHLO": POOR, "RCPT": refuses_bad}, each=[{"DATA": CLOSE}])
    with relaying(server) as relay:
        sent = Sent(relay, tmp_path, "b", "bad", "c")
        assert [reply.code for reply in sent.recipients] == [250, 550, 250]
        assert sent.final.code == 250
        assert server.talks[1].verbs() == "EHLO MAIL RCPT RCPT RCPT DATA"


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_a_relay_that_changes_its_mind(tmp_path: Path, verb: str, caplog: pytest.LogCaptureFixture) -> None:
    """The client has heard yes: it cannot hear no, and not everybody would get the message."""
    server = Server({"EHLO": POOR}, each=[{"DATA": CLOSE}, {verb: "550 5.7.1 No"}])
    with relaying(server) as relay:
        assert Sent(relay, tmp_path).final == Reply(550, "5.7.1", "No")
        assert server.mails == []
    assert "changed its mind after a reconnect" in caplog.text


# Keywords that are gone at the reconnect (RLY-17)


@pytest.mark.parametrize(
    ("second", "mail", "content", "final"),
    [
        pytest.param(POOR, "<a@x>", TEXT, 250, id="nothing that was needed"),
        pytest.param(POOR, "<a@x> BODY=8BITMIME RET=HDRS ENVID=e SIZE=5", EIGHT_BIT, 250, id="EBM-4 converted now"),
        pytest.param(POOR, "<a@x> BODY=8BITMIME", SIGNED, SIGNED_STAYS, id="DWN-7 cannot be converted"),
        pytest.param(POOR, "<é@x> SMTPUTF8", TEXT, NO_UTF8_SENDER, id="EAI-13 address"),
        pytest.param(POOR, "<a@x> SMTPUTF8", b"Subject: \xc3\xa9\r\n\r\n", UTF8_HEADER, id="EAI-13 header"),
        pytest.param(POOR, "<a@x> SMTPUTF8", TEXT, 250, id="EAI-13 not needed"),
    ],
)
@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
def test_keywords_are_gone(
    tmp_path: Path, step: str, second: str, mail: str, content: bytes, final: Reply | int
) -> None:
    server = Server(each=[{"EHLO": RICH, step: CLOSE}, {"EHLO": second}])
    with relaying(server) as relay:
        sent = Sent(relay, tmp_path, mail=mail, content=content)
        assert (sent.final.code if isinstance(final, int) else sent.final) == final
        if final == 250:
            assert server.talks[1].lines[1] == "MAIL FROM:<a@x>"
            assert server.mails[0].isascii()


def test_keywords_that_came(tmp_path: Path) -> None:
    server = Server(each=[{"EHLO": POOR, "RCPT": CLOSE}, {"EHLO": RICH}])
    with relaying(server) as relay:
        assert Sent(relay, tmp_path, mail="<a@x> BODY=8BITMIME", content=EIGHT_BIT).final.code == 250
        assert server.talks[1].lines[1] == "MAIL FROM:<a@x> BODY=8BITMIME"
        assert server.mails == [b"Received: here\r\n" + EIGHT_BIT]


# A transaction that sends nothing


@pytest.mark.parametrize(
    ("answers", "verbs", "kept"),
    [
        pytest.param({}, "EHLO MAIL RSET", 1, id="RLY-10 RSET"),
        pytest.param({"MAIL": "550 5.7.1 No"}, "EHLO MAIL", 1, id="nothing to forget"),
        pytest.param({"RSET": CLOSE}, "EHLO MAIL RSET", 0, id="lost at RSET"),
        pytest.param({"RSET": "421 4.3.2 Bye"}, "EHLO MAIL RSET", 0, id="421 to RSET"),
        pytest.param({"RSET": "550 No"}, "EHLO MAIL RSET", 0, id="RSET refused"),
        pytest.param({"MAIL": SILENT}, "EHLO MAIL", 0, id="silent at MAIL"),
    ],
)
def test_abort(answers: dict[str, Answer], verbs: str, kept: int) -> None:
    server = Server(answers)
    with relaying(server, command_timeout=0.3) as relay:
        delivery = relay.begin(read_sender("FROM:<>", (), ()), ALICE, "test")
        delivery.sender.reply()
        delivery.abort()
        delivery.abort()
        assert [talk.verbs() for talk in server.talks] == [verbs]
        assert (busy(relay), len(relay.pool.idle)) == (0, kept)


def test_abort_waits_for_no_answer(tmp_path: Path) -> None:
    """The client has gone: its MAIL may not even have been sent."""
    server = Server({"MAIL": SILENT})
    with relaying(server, command_timeout=30) as relay:
        relay.begin(read_sender("FROM:<>", (), ()), ALICE, "test").abort()
        assert (busy(relay), relay.pool.idle) == (0, [])


def test_refused_data(tmp_path: Path) -> None:
    """RLY-9 the other way round: DATA refused leaves a transaction to forget."""
    server = Server({"EHLO": POOR, "DATA": "554 5.7.1 No"})
    with relaying(server) as relay:
        assert Sent(relay, tmp_path).final == Reply(554, "5.7.1", "No")
        assert server.talks[0].verbs() == "EHLO MAIL RCPT DATA RSET"
        assert len(relay.pool.idle) == 1


def test_cannot_convert_leaves_the_connection(tmp_path: Path) -> None:
    server = Server({"EHLO": POOR})
    with relaying(server) as relay:
        assert Sent(relay, tmp_path, mail="<a@x> BODY=8BITMIME", content=SIGNED).final == SIGNED_STAYS
        assert server.talks[0].verbs() == "EHLO MAIL RCPT RSET"
        assert len(relay.pool.idle) == 1


def test_sender_that_the_relay_cannot_take(tmp_path: Path) -> None:
    """EAI-13: nothing was said, so there is nothing to forget."""
    server = Server({"EHLO": POOR})
    with relaying(server, limit=1) as relay:
        assert Sent(relay, tmp_path, mail="<é@x> SMTPUTF8").final == NO_UTF8_SENDER
        assert server.talks[0].verbs() == "EHLO"
        assert Sent(relay, tmp_path).final.code == 250
        assert len(server.talks) == 1


# Outstanding answers


def test_one_at_a_time_without_pipelining(tmp_path: Path) -> None:
    heard: list[str] = []

    def slow(line: str) -> str:
        gevent.sleep(0.005)
        heard.append(line)
        return "250 2.1.5 Yes"

    server = Server({"EHLO": POOR, "RCPT": slow})
    with relaying(server) as relay:
        Sent(relay, tmp_path, *(f"b{number}" for number in range(10)))
        assert heard == [f"RCPT TO:<b{number}@example.net>" for number in range(10)]


def test_no_more_than_may_be_outstanding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MAX_OUTSTANDING", 3)
    server = Server()
    with relaying(server) as relay:
        sent = Sent(relay, tmp_path, *(f"b{number}" for number in range(20)))
        assert [reply.code for reply in sent.recipients] == [250] * 20
        assert sent.final.code == 250


def test_owes_reports() -> None:
    for keywords, owes in ((RICH, False), (POOR, True)):
        with relaying(Server({"EHLO": keywords})) as relay:
            delivery = relay.begin(read_sender("FROM:<>", (), ()), ALICE, "test")
            assert delivery.owes_reports is owes
            delivery.abort()


def test_defaults_are_kind() -> None:
    """What these tests count on."""
    assert all(str(answer)[0] in "23" for answer in DEFAULTS.values())


@pytest.mark.parametrize("keywords", [RICH, POOR], ids=["CHUNKING", "DATA"])
@pytest.mark.parametrize(
    ("step", "first", "then"),
    [
        ("RCPT", ["250 2.1.5 Yes", "450 4.2.1 Later"], ["250 2.1.5 Yes", "250 2.1.5 Yes"]),
        ("RCPT", ["250 2.1.5 Yes", "250 2.1.5 Yes"], ["250 2.1.5 Yes", "450 4.2.1 Later"]),
    ],
)
def test_a_mind_that_was_changed_is_never_a_yes(
    tmp_path: Path, keywords: str, step: str, first: list[str], then: list[str]
) -> None:
    """Neither way round: the message was not sent."""
    dies: dict[str, Answer] = {"DATA": CLOSE, "chunk": CLOSE}
    server = Server({"EHLO": keywords}, each=[{step: in_turn(*first), **dies}, {step: in_turn(*then)}])
    with relaying(server) as relay:
        sent = Sent(relay, tmp_path, "b", "c")
        assert sent.final.refuses
        assert server.mails == []


def test_nothing_is_left_to_the_garbage_collector(tmp_path: Path) -> None:
    """It would cost each message as much as many calls."""
    gc.disable()
    try:
        with relaying(Server({"RCPT": in_turn("250 Yes", "550 No")})) as relay:
            ours = begin(relay)
            assert [recipient(ours, name).code for name in ("a", "b")] == [250, 550]
            ours.abort()
            ended = weakref.ref(ours)
            del ours
            assert ended() is None
    finally:
        gc.enable()
