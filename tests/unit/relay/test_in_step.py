"""A connection is used again only when each command has its reply and each reply its command (RLY-8, RLY-10, RLY-12)."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from gsubmit.smtp.replies import RELAY_NONSENSE, RELAY_SLOW
from tests.harness.smtpserver import DRIPS, SILENT, Answer, Server, ehlo, in_turn, later
from tests.unit.relay.relaying import ALICE, begin, message, recipient, relaying
from tests.unit.relay.sent import TEXT, Sent

CHUNKING = ehlo("PIPELINING", "CHUNKING", "8BITMIME")
DATA = ehlo("PIPELINING")
COMMANDS = b"Subject: x\r\n\r\n" + b"".join(
    b"%b\r\n" % line
    for line in (b"NOOP", b"RSET", b"MAIL FROM:<evil@example.org>", b"RCPT TO:<evil@example.org>", b"VRFY x")
)


@pytest.mark.parametrize("code", [500, 501, 502, 503, 504, 555])
def test_a_relay_that_lists_chunking_and_knows_no_bdat(
    tmp_path: Path, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Lines of ours are all that it takes for commands; the client notices nothing, and the next message goes by DATA."""
    server = Server({"EHLO": CHUNKING, "BDAT": f"{code} 5.5.1 What?", "default": later(0.02, "500 5.5.1 What?")})
    with relaying(server) as relay:
        for _ in range(3):
            sent = Sent(relay, tmp_path, content=COMMANDS)
            assert [reply.code for reply in (sent.sender, *sent.recipients, sent.final) if reply] == [250] * 3
        assert [len(talk.mails) for talk in server.talks] == [0, 3]
        assert server.talks[0].verbs().startswith("EHLO MAIL RCPT BDAT")
        assert set(server.talks[0].verbs().split()) <= {"EHLO", "MAIL", "RCPT", "BDAT", "Received:"}
        assert all(mail == b"Received: here\r\n" + COMMANDS for mail in server.mails)
    (line,) = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert f"answered BDAT with: {code}" in line and "without CHUNKING" in line


def test_nothing_of_the_content_is_in_the_first_chunk(tmp_path: Path) -> None:
    """A message without a field of our own goes by DATA until another one has proven BDAT."""
    server = Server({"EHLO": CHUNKING})
    with relaying(server) as relay:
        assert message(relay, tmp_path).code == 250
        assert Sent(relay, tmp_path).final.code == 250
        assert message(relay, tmp_path).code == 250
        (talk,) = server.talks
        content = [line for line in talk.lines if line.startswith(("BDAT", "DATA"))]
        assert content == ["DATA", "BDAT 16", "BDAT 20 LAST", "BDAT 20 LAST"]


def test_a_relay_that_does_not_answer_bdat(tmp_path: Path) -> None:
    server = Server({"EHLO": CHUNKING, "BDAT": SILENT})
    with relaying(server, command_timeout=0.3) as relay:
        assert Sent(relay, tmp_path).final.code == 250
        assert Sent(relay, tmp_path).final.code == 250
        assert [len(talk.mails) for talk in server.talks] == [0, 2]


@pytest.mark.parametrize("code", [421, 450, 452, 550, 552, 554])
@pytest.mark.parametrize("step", ["chunk", "content"])
def test_a_refused_chunk_ends_the_connection(tmp_path: Path, code: int, step: str) -> None:
    server = Server({"EHLO": CHUNKING, step: f"{code} {code // 100}.3.4 No"})
    with relaying(server) as relay:
        assert Sent(relay, tmp_path).final.code == (451 if code == 421 else code)
        assert relay.pool.idle == []
        assert server.mails == ([] if step == "chunk" else [b"Received: here\r\n" + TEXT])


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_refusal_of_content_is_no_word_about_bdat(tmp_path: Path, code: int) -> None:
    """A relay that has taken a message by BDAT means the message, whatever code its filter has."""
    server = Server({"EHLO": CHUNKING, "content": in_turn("250 2.0.0 Queued", f"{code} 5.7.1 Spam")})
    with relaying(server) as relay:
        assert Sent(relay, tmp_path).final.code == 250
        assert Sent(relay, tmp_path).final.code == code
        assert len(server.mails) == 2
        assert relay.pool.learnt.left_out == frozenset()


@pytest.mark.parametrize("words", ["451 timeout (#4.4.2)", "421 4.4.2 Bye", "421-4.4.2 Idle"])
@pytest.mark.parametrize("step", ["idle", "in a transaction"])
def test_a_timeout_of_the_relay_is_no_lie(tmp_path: Path, words: str, step: str) -> None:
    """The connection is replaced, and others' are kept as before."""

    def leaves(_: str) -> str:
        return f"250 2.0.0 Yes\r\n{words}"

    server = Server({"EHLO": DATA}, each=[{"content" if step == "idle" else "RCPT": leaves}])
    server.closes_after = words
    with relaying(server) as relay:
        assert Sent(relay, tmp_path).final.code == 250
        assert Sent(relay, tmp_path).final.code == 250
        assert relay.pool.learnt.left_out == frozenset()


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_bdat_that_is_unknown_at_last(tmp_path: Path, code: int) -> None:
    server = Server({"EHLO": CHUNKING}, each=[{"content": f"{code} 5.5.1 What?"}])
    with relaying(server) as relay:
        assert Sent(relay, tmp_path).final.code == 250
        assert "DATA" in server.talks[1].verbs()


@pytest.mark.parametrize("code", [250, 451, 554])
@pytest.mark.parametrize("delay", ["", "later"])
def test_a_reply_that_comes_with_the_go_ahead(tmp_path: Path, code: int, delay: str) -> None:
    """It must not be taken for the answer to the message."""
    server = Server({"EHLO": DATA, "DATA": f"354 Go on\r\n{code} 2.0.0 early", "content": later(0.1, "554 5.7.1 spam")})
    with relaying(server) as relay:
        for _ in range(2):
            assert Sent(relay, tmp_path).final == RELAY_NONSENSE
        assert relay.pool.idle == []


@pytest.mark.parametrize("step", ["chunk", "RCPT"])
def test_a_reply_that_comes_with_another(tmp_path: Path, step: str) -> None:
    server = Server({"EHLO": CHUNKING, step: "250 2.0.0 Yes\r\n250 2.0.0 early"})
    with relaying(server) as relay:
        assert Sent(relay, tmp_path).final == RELAY_NONSENSE
        assert relay.pool.idle == []


@pytest.mark.parametrize("keywords", [CHUNKING, DATA], ids=["CHUNKING", "DATA"])
@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("250 2.0.0 Queued\r\n250 2.0.0 Queued", 250),
        ("250 2.0.0 Queued\r\n554 5.7.1 Spam", 250),
        ("554 5.7.1 Spam\r\n250 2.0.0 Queued", 554),
    ],
)
def test_two_replies_to_the_message(
    tmp_path: Path, keywords: str, said: str, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The first is the answer. The relay's connections are not kept after that."""
    server = Server({"EHLO": keywords}, each=[{"content": said}])
    with relaying(server) as relay:
        assert Sent(relay, tmp_path).final.code == code
        assert relay.pool.idle == []
        assert Sent(relay, tmp_path).final.code == 250
        assert relay.pool.idle == []
        assert "without keeping connections" in caplog.text


def test_recipients_that_are_taken_without_the_sender(tmp_path: Path) -> None:
    """Nobody knows what such a relay has in mind: RSET, or the end."""
    server = Server({"EHLO": DATA, "MAIL": in_turn("550 5.7.1 No", "250 2.1.0 Yes"), "RCPT": "250 2.1.5 Yes"})
    with relaying(server) as relay:
        assert Sent(relay, tmp_path).final.code == 503
        assert Sent(relay, tmp_path).final.code == 250
        assert server.talks[0].verbs() == "EHLO MAIL RCPT RSET MAIL RCPT DATA"


@pytest.mark.parametrize("said", ["354 Go on", "220 Hello", "250 Ok\r\n250 Ok"])
def test_vrfy_that_is_answered_strangely(said: str) -> None:
    server = Server({"VRFY": said})
    with relaying(server) as relay:
        relay.verify("b", ALICE, "test")
        assert all(connection.is_in_step for connection in relay.pool.idle)
        assert len(relay.pool.idle) == 0


@pytest.mark.parametrize("answer", ["354 Go on", "500 What", "250 Ok\r\n250 Ok"])
def test_rset_that_is_answered_strangely(answer: str) -> None:
    with relaying(Server({"RSET": answer})) as relay:
        delivery = begin(relay)
        recipient(delivery)
        delivery.abort()
        assert relay.pool.idle == []


# A connection that was dropped on the way


def test_a_kept_connection_that_has_gone_silent(tmp_path: Path) -> None:
    """It is replaced before the client has waited long, whatever the command timeout is."""
    silent: dict[str, Answer] = {"MAIL": in_turn("250 2.1.0 Yes", SILENT)}
    server = Server({"EHLO": DATA}, each=[silent])
    with relaying(server, command_timeout=0.3) as relay:
        assert Sent(relay, tmp_path).final.code == 250
        assert Sent(relay, tmp_path).final.code == 250
        assert [len(talk.mails) for talk in server.talks] == [1, 1]


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_a_kept_connection_that_goes_silent_later(tmp_path: Path, step: str) -> None:
    yes = "354 Go on" if step == "DATA" else "250 2.1.5 Yes"
    server = Server({"EHLO": DATA}, each=[{step: in_turn(yes, SILENT)}])
    with relaying(server, command_timeout=0.3) as relay:
        assert Sent(relay, tmp_path).final.code == 250
        assert Sent(relay, tmp_path).final.code == 250


def test_the_first_reply_after_a_rest_has_a_short_time() -> None:
    with relaying(Server(), command_timeout=300.0) as relay:
        delivery = begin(relay)
        recipient(delivery)
        delivery.abort()
        connection = relay.pool.take(None)
        assert connection.timeout_now == 10.0
        connection.ask("RSET")
        assert connection.timeout_now == 300.0
        relay.pool.give_back(connection, "")


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "DATA", "content"])
def test_a_reply_in_drops_has_one_timeout(tmp_path: Path, step: str) -> None:
    """A timeout of the socket would begin anew with each octet (TMO-4)."""
    server = Server({"EHLO": DATA, step: DRIPS})
    with relaying(server, connect_timeout=0.3, command_timeout=0.3, data_done_timeout=0.3) as relay:
        assert Sent(relay, tmp_path).final == RELAY_SLOW
        assert relay.pool.idle == []
