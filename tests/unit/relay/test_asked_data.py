"""DATA goes out with the recipients where the content comes by DATA anyway (RFC 2920 3.1); PIP-9, RLY-9, RLY-10."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gevent
import pytest

from gsubmit.message.body import MessageBody
from gsubmit.relay import parking
from gsubmit.relay.delivery import RelayDelivery
from gsubmit.relay.relay import Relay
from gsubmit.smtp.envelope import read_recipient
from gsubmit.smtp.reply import Refused, Reply
from tests.harness.smtpserver import CLOSE, Answer, Server, ehlo, in_turn, later
from tests.unit.relay.relaying import BOB, OFFERED, begin, busy, message, relaying

DATA = ehlo("PIPELINING", "8BITMIME")
CONTENT = b"Subject: x\r\n\r\ntext\r\n"


@dataclass
class Client:
    """Who pipelines MAIL, RCPT and DATA, and then has the content."""

    delivery: RelayDelivery
    body: MessageBody

    def ask(self, *names: str) -> list[str]:
        """RCPT for each, and DATA; who was accepted."""
        for name in names:
            self.delivery.recipient(read_recipient(f"TO:<{name}@example.net>", OFFERED, (), smtputf8=True))
        return [recipient.forward_path.local_part for recipient in self.delivery.accepted()]

    def send(self) -> Reply:
        try:
            return self.delivery.send(lambda _: b"", self.body)
        except Refused as refused:
            return refused.reply


@contextmanager
def client(relay: Relay, folder: Path) -> Iterator[Client]:
    body = MessageBody(str(folder))
    body.append(CONTENT)
    delivery = begin(relay)
    try:
        yield Client(delivery, body)
    finally:
        delivery.abort()
        body.close()
    assert busy(relay) == 0


@contextmanager
def proven(folder: Path, *, limit: int = 0, **answers: Answer) -> Iterator[tuple[Relay, Server]]:
    """A relay that has taken one message by DATA."""
    server = Server({"EHLO": DATA, **answers})
    with relaying(server, limit=limit) as relay:
        assert message(relay, folder).code == 250
        server.talks[0].lines.clear()
        server.talks[0].mails.clear()
        yield relay, server


def test_data_does_not_wait_for_the_recipients(tmp_path: Path) -> None:
    with proven(tmp_path) as (relay, server):
        with client(relay, tmp_path) as our:
            assert our.ask("a", "b") == ["a", "b"]
            gevent.sleep(0.02)
            assert server.talks[0].verbs() == "MAIL RCPT RCPT DATA"
            assert our.send().code == 250
        assert server.mails == [CONTENT]
        assert len(server.talks) == 1


def test_one_of_them_is_enough(tmp_path: Path) -> None:
    with proven(tmp_path, RCPT=in_turn("250 Yes", "550 5.1.1 No", "250 Yes")) as (relay, server):
        with client(relay, tmp_path) as our:
            assert our.ask("a", "b") == ["b"]
            assert our.send().code == 250
        assert server.mails == [CONTENT]


@pytest.mark.parametrize("keywords", [ehlo("PIPELINING", "CHUNKING"), ehlo("8BITMIME"), DATA], ids=str.split)
def test_who_is_not_asked_before(tmp_path: Path, keywords: str) -> None:
    """It takes BDAT, or one command at a time, or has not taken a message by DATA so far."""
    server = Server({"EHLO": keywords})
    with relaying(server) as relay:
        if keywords is not DATA:
            assert message(relay, tmp_path).code == 250
        with client(relay, tmp_path) as our:
            assert our.ask("a") == ["a"]
            gevent.sleep(0.02)
            assert server.talks[0].lines[-1].startswith("RCPT")
            assert our.send().code == 250
        assert server.mails[-1] == CONTENT


@pytest.mark.parametrize("said", ["354 Go on", "503 5.5.1 No recipients"])
def test_no_recipient(tmp_path: Path, said: str) -> None:
    """A go-ahead has a lone dot, nobody gets anything, and the next recipient is asked for in a new transaction."""
    rcpt = in_turn("250 Yes", "550 5.1.1 No", "550 5.1.1 No", "550 5.1.1 No", "250 Yes")
    with proven(tmp_path, RCPT=rcpt, DATA=in_turn("354 Go on", said, "354 Go on")) as (relay, server):
        with client(relay, tmp_path) as our:
            assert our.ask("a") == []
            assert server.talks[0].verbs() == "MAIL RCPT DATA" + (" RSET" if said.startswith("5") else "")
            assert server.mails == [b""] * said.startswith("3")
            assert len(relay.pool.idle) == 1
            assert our.ask("b", "c") == ["c"]
            assert our.send().code == 250
        assert server.mails[-1] == CONTENT
        assert len(server.talks) == 1


@pytest.mark.parametrize("rcpt", ["503 5.5.1 MAIL first", "250 Yes"])
def test_no_sender(tmp_path: Path, rcpt: str) -> None:
    """A relay that takes recipients all the same gets not even a dot."""
    mail = in_turn("250 Yes", "550 5.7.1 Not you", "250 Yes")
    with proven(tmp_path, MAIL=mail, RCPT=in_turn("250 Yes", rcpt, "250 Yes")) as (relay, server):
        with client(relay, tmp_path) as our:
            our.ask("a")
            assert our.delivery.is_void
            assert our.delivery.sender.reply().code == 550
        assert server.mails == []
        assert message(relay, tmp_path).code == 250
        assert len(server.mails) == 1


def test_content_that_does_not_come(tmp_path: Path) -> None:
    """What was begun is ended by closing, without a word."""
    with proven(tmp_path) as (relay, server):
        with client(relay, tmp_path) as our:
            assert our.ask("a") == ["a"]
        assert relay.pool.idle == []
        gevent.sleep(0.02)
        assert not server.talks[0].is_open
        assert (server.talks[0].begun, server.mails) == (b"", [])
        assert message(relay, tmp_path).code == 250


def test_data_is_refused(tmp_path: Path) -> None:
    with proven(tmp_path, DATA=in_turn("354 Go on", "554 5.7.1 Not today", "354 Go on")) as (relay, server):
        with client(relay, tmp_path) as our:
            assert our.ask("a") == ["a"]
            assert str(our.send()) == "554 5.7.1 Not today"
        assert message(relay, tmp_path).code == 250
        assert len(server.talks) == len(server.mails) == 1


@pytest.mark.parametrize("said", [CLOSE, "421 4.3.2 Bye", "250 2.1.5 And one more\r\n354 Go on"], ids=repr)
def test_the_message_goes_by_another_connection(tmp_path: Path, said: str, caplog: pytest.LogCaptureFixture) -> None:
    """Once, and the client notices nothing."""
    with proven(tmp_path, DATA=in_turn("354 Go on", said, "354 Go on")) as (relay, server):
        with client(relay, tmp_path) as our:
            assert our.ask("a") == ["a"]
            assert our.send().code == 250
        assert [talk.mails for talk in server.talks] == [[], [CONTENT]]
        assert ("PIPELINING" in relay.pool.learnt.left_out) is said.startswith("250")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_go_ahead_with_more_behind_it(tmp_path: Path) -> None:
    """What came with it would be taken for the answer to the message."""
    with proven(tmp_path, DATA=in_turn("354 Go on", "354 Go on\r\n250 2.0.0 Queued", "354 Go on")) as (relay, server):
        with client(relay, tmp_path) as our:
            assert our.ask("a") == ["a"]
            assert our.send().code == 451
        assert server.mails == []


def test_a_connection_that_others_want(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody waits nobody says DATA before the content is here; who has said it loses the connection."""
    monkeypatch.setattr(parking, "PARK_AFTER", 0.02)
    monkeypatch.setattr(parking, "PARK_EVERY", 0.01)
    with proven(tmp_path, limit=1) as (relay, server), client(relay, tmp_path) as our:
        assert our.ask("a") == ["a"]
        assert message(relay, tmp_path, BOB).code == 250
        assert our.send().code == 250
        assert [talk.mails for talk in server.talks] == [[], [CONTENT, CONTENT]]


def test_a_refused_parameter_of_our_own(tmp_path: Path) -> None:
    """All is asked again elsewhere."""
    mail = in_turn("250 Yes", "501 5.5.4 What?", "501 5.5.4 What?", "250 Yes")
    with proven(tmp_path, EHLO=ehlo("PIPELINING", "AUTH PLAIN"), MAIL=mail) as (relay, server):
        relay.pool.learnt.proven.discard("AUTH=")
        with client(relay, tmp_path) as our:
            assert our.ask("a") == ["a"]
            assert our.send().code == 250
        assert server.mails == [CONTENT]


def test_slow_answers_are_awaited(tmp_path: Path) -> None:
    with proven(tmp_path, RCPT=later(0.05, "250 Yes"), DATA=later(0.05, "354 Go on")) as (relay, server):
        with client(relay, tmp_path) as our:
            assert our.ask("a", "b") == ["a", "b"]
            assert our.send().code == 250
        assert server.mails == [CONTENT]
