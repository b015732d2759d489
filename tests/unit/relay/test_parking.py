"""Slots are not held while a client thinks, and are fair by user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import gevent
import pytest

from gsubmit.dial.xclient import ClientFacts
from gsubmit.message.body import MessageBody
from gsubmit.relay import parking
from gsubmit.smtp.replies import RELAY_BUSY
from gsubmit.smtp.reply import Refused
from tests.harness.smtpserver import Server, ehlo, in_turn, later
from tests.unit.relay.relaying import ALICE, BOB, begin, busy, message, recipient, relaying


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "PARK_AFTER", 0.02)
    monkeypatch.setattr(parking, "PARK_EVERY", 0.01)


@contextmanager
def content(folder: Path) -> Iterator[MessageBody]:
    body = MessageBody(str(folder))
    body.append(b"Subject: slow\r\n\r\n")
    yield body
    body.close()


@pytest.mark.parametrize("keywords", [ehlo("PIPELINING", "CHUNKING"), ehlo()], ids=["CHUNKING", "DATA"])
def test_a_slow_upload_lets_others_go_first(tmp_path: Path, keywords: str) -> None:
    server = Server({"EHLO": keywords})
    with relaying(server, limit=1) as relay, content(tmp_path) as body:
        slow = begin(relay, ALICE)
        assert recipient(slow).code == 250
        for _ in range(3):
            assert message(relay, tmp_path, BOB).code == 250
        assert busy(relay) == 0
        assert recipient(slow, "c").code == 250  # it takes a slot again
        assert slow.send(lambda _: b"", body).code == 250
        slow.abort()
        assert busy(relay) == 0
        assert server.mails[-1] == b"Subject: slow\r\n\r\n"
        assert len(server.mails) == 4
        assert len(server.talks) == 1
        assert server.talks[0].verbs().startswith("EHLO MAIL RCPT RSET MAIL RCPT")


def test_many_slow_ones_of_one_user(tmp_path: Path) -> None:
    """Nobody's mail is kept out by sessions that say MAIL and then nothing."""
    with relaying(Server(), limit=5) as relay:
        slow = [begin(relay, replace(ALICE, port=number)) for number in range(5)]
        for delivery in slow:
            delivery.sender.reply()
        assert message(relay, tmp_path, BOB).code == 250
        for delivery in slow:
            delivery.abort()
        assert busy(relay) == 0


def test_no_more_are_parked_than_are_wanted(tmp_path: Path) -> None:
    """However long the relay takes to forget a transaction."""
    server = Server({"RSET": later(0.3, "250 2.0.0 Forgotten")})
    with relaying(server, limit=8, connect_timeout=5.0) as relay:
        slow = [begin(relay, replace(ALICE, port=number)) for number in range(8)]
        for delivery in slow:
            delivery.sender.reply()
        assert message(relay, tmp_path, BOB).code == 250
        assert sum(talk.verbs().count("RSET") for talk in server.talks) == 1
        for delivery in slow:
            delivery.abort()
        assert busy(relay) == 0


def test_an_answer_that_has_changed(tmp_path: Path) -> None:
    """The client was told 250, so the message must not go without this recipient."""
    server = Server({"RCPT": in_turn("250 2.1.5 Yes", "250 2.1.5 Yes", "550 5.1.1 Gone")})
    with relaying(server, limit=1) as relay, content(tmp_path) as body:
        slow = begin(relay, ALICE)
        assert recipient(slow).code == 250
        assert message(relay, tmp_path, BOB).code == 250
        with pytest.raises(Refused) as refused:
            slow.send(lambda _: b"", body)
        assert refused.value.reply.refuses
        slow.abort()
        assert busy(relay) == 0


def test_no_slot_for_the_rest(tmp_path: Path) -> None:
    """Everybody else is at work: the message can be sent again later."""
    with relaying(Server(), limit=1, connect_timeout=0.2) as relay, content(tmp_path) as body:
        slow = begin(relay, ALICE)
        assert recipient(slow).code == 250
        assert message(relay, tmp_path, BOB).code == 250
        connection = relay.pool.take(BOB)  # and somebody who never rests
        with pytest.raises(Refused) as refused:
            slow.send(lambda _: b"", body)
        assert refused.value.reply == RELAY_BUSY
        slow.abort()
        relay.pool.give_back(connection, BOB.login)
        assert busy(relay) == 0


def test_a_parked_one_ends(tmp_path: Path) -> None:
    with relaying(Server(), limit=1) as relay:
        slow = begin(relay, ALICE)
        slow.sender.reply()
        assert message(relay, tmp_path, BOB).code == 250
        slow.abort()
        slow.abort()
        assert busy(relay) == 0
        assert len(relay.pool.idle) == 1


def test_a_free_slot_goes_to_the_user_with_the_fewest(tmp_path: Path) -> None:
    """Whoever has ten waits behind whoever has none, also when he came first."""
    with relaying(Server(), limit=2, connect_timeout=5.0) as relay:
        first, second = relay.pool.take(ALICE), relay.pool.take(ALICE)
        order: list[str] = []

        def want(client: ClientFacts, name: str) -> None:
            connection = relay.pool.take(client)
            order.append(name)
            gevent.sleep(0.01)
            relay.pool.give_back(connection, client.login)

        waiting = [gevent.spawn(want, ALICE, f"alice {number}") for number in range(3)]
        gevent.sleep(0.02)
        waiting.append(gevent.spawn(want, BOB, "bob"))
        gevent.sleep(0.02)
        relay.pool.give_back(first, ALICE.login)
        gevent.joinall(waiting, timeout=5)
        assert order[0] == "bob"
        relay.pool.give_back(second, ALICE.login)
        assert busy(relay) == 0


def test_who_asks_again_has_its_connection_for_itself(tmp_path: Path) -> None:
    """It was parked while its client was slow; now the relay is, and others still wait."""
    server = Server({"RCPT": later(0.2, "250 2.1.5 Yes")})
    with relaying(server, limit=1, connect_timeout=5.0) as relay, content(tmp_path) as body:
        slow = begin(relay, ALICE)
        assert recipient(slow).code == 250
        assert message(relay, tmp_path, BOB).code == 250
        sending = gevent.spawn(slow.send, lambda _: b"", body)
        gevent.sleep(0)
        others = [gevent.spawn(message, relay, tmp_path, BOB) for _ in range(2)]
        assert sending.get(timeout=5).code == 250
        assert [other.get(timeout=5).code for other in others] == [250, 250]
        assert busy(relay) == 0
        assert server.mails.count(b"Subject: slow\r\n\r\n") == 1
        assert len(server.mails) == 4
        assert not relay.pool.learnt.left_out
