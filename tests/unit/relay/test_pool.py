"""Connections to the relay: kept, told who the client is, limited, and given back exactly once."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import gevent
import pytest

from gsubmit.dial.answer import RelayFailed
from gsubmit.dial.nexthop import NextHop
from gsubmit.dial.xclient import ClientFacts
from gsubmit.message.body import MessageBody
from gsubmit.net import hosts
from gsubmit.relay import pool
from gsubmit.relay.pool import Pool
from gsubmit.relay.relay import LEARN_AGAIN, Relay
from gsubmit.settings.relay import RelayLogin
from gsubmit.smtp.replies import CANNOT_VERIFY, RELAY_BUSY, RELAY_SLOW
from gsubmit.smtp.reply import Refused, Reply
from tests.harness.clock import clock_of
from tests.harness.smtpserver import CLOSE, RESET, SILENT, Server, ehlo, in_turn, later, served
from tests.unit.relay.relaying import ALICE, BOB, XCLIENT, begin, busy, message, recipient, relaying

# Reuse


def test_a_connection_is_kept(tmp_path: Path) -> None:
    with relaying(Server()) as relay:
        for _ in range(3):
            assert message(relay, tmp_path).code == 250
        assert len(relay.pool.idle) == 1
        assert busy(relay) == 0


def test_one_connection_for_all_when_they_are_not_told_apart(tmp_path: Path) -> None:
    server = Server({"EHLO": ehlo(XCLIENT, "PIPELINING")})
    with relaying(server) as relay:
        for client in (ALICE, BOB, ALICE):
            message(relay, tmp_path, client)
        assert len(server.talks) == 1
        assert "XCLIENT" not in server.talks[0].verbs()


def test_the_one_used_last_is_taken_first(tmp_path: Path) -> None:
    server = Server()
    with relaying(server) as relay:
        deliveries = [begin(relay) for _ in range(3)]
        for delivery in deliveries:
            delivery.sender.reply()
            delivery.abort()
        message(relay, tmp_path)
        assert [len(talk.mails) for talk in server.talks] == [0, 0, 1]


def test_what_the_log_says_of_reuse(tmp_path: Path) -> None:
    body = MessageBody(str(tmp_path))
    body.append(b"Subject: x\r\n\r\n")
    with relaying(Server()) as relay:
        for reused in ("no", "yes"):
            delivery = begin(relay)
            recipient(delivery)
            delivery.send(lambda _: b"", body)
            assert delivery.facts == f"{relay.pool.hop}, reused={reused}"


@pytest.mark.parametrize("end", [CLOSE, "421 4.4.2 Idle too long"])
def test_a_dead_one_is_noticed(tmp_path: Path, end: str) -> None:
    """RLY-16: what an idle relay says is no error."""
    server = Server(each=[{"QUIT": end}])
    with relaying(server) as relay:
        message(relay, tmp_path)
        connection = relay.pool.idle[0]
        connection.command(b"QUIT\r\n")
        connection.flush()  # so that the relay has said it before anybody looks
        gevent.sleep(0.05)
        assert message(relay, tmp_path).code == 250
        assert len(server.talks) == 2
        assert busy(relay) == 0


def test_max_idle_time(tmp_path: Path) -> None:
    server = Server()
    with relaying(server, idle=0.1) as relay:
        message(relay, tmp_path)
        message(relay, tmp_path)
        assert len(server.talks) == 1
        gevent.sleep(0.15)
        message(relay, tmp_path)
        assert len(server.talks) == 2
        gevent.sleep(0.05)
        assert server.open_now == 1


def test_reaper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "REAP_EVERY", 0.05)
    server = Server()
    with relaying(server, idle=0.1) as relay:
        message(relay, tmp_path)
        gevent.sleep(0.4)
        assert server.talks[0].verbs().endswith("QUIT")
        assert (relay.pool.idle, server.open_now) == ([], 0)
        message(relay, tmp_path)
        assert len(relay.pool.idle) == 1
        gevent.sleep(0.4)
        assert (relay.pool.idle, server.open_now) == ([], 0)


@pytest.mark.parametrize("most", [1, 2])
def test_mailmax(tmp_path: Path, most: int) -> None:
    """RFC 9422: a connection with so many mails behind it is left with QUIT."""
    server = Server({"EHLO": ehlo("PIPELINING", f"LIMITS MAILMAX={most}")})
    with relaying(server) as relay:
        for _ in range(4):
            assert message(relay, tmp_path).code == 250
        assert [len(talk.mails) for talk in server.talks] == [most] * (4 // most)
        assert all(talk.verbs().endswith("QUIT") for talk in server.talks)
        assert busy(relay) == 0


def test_transactions_without_a_message_count_for_mailmax(tmp_path: Path) -> None:
    server = Server({"EHLO": ehlo("PIPELINING", "LIMITS MAILMAX=2")})
    with relaying(server) as relay:
        for _ in range(4):
            delivery = begin(relay)
            delivery.sender.reply()
            delivery.abort()
        assert [talk.verbs().count("MAIL") for talk in server.talks] == [2, 2]


def test_rcptmax() -> None:
    with relaying(Server({"EHLO": ehlo("PIPELINING", "LIMITS RCPTMAX=2")})) as relay:
        delivery = begin(relay)
        assert [recipient(delivery, name).code for name in "bc"] == [250, 250]
        with pytest.raises(Refused) as refused:
            recipient(delivery, "d")
        assert refused.value.reply.code == 452
        delivery.abort()


def test_close(tmp_path: Path) -> None:
    server = Server()
    with relaying(server) as relay:
        late = begin(relay)
        late.sender.reply()
        for delivery in [begin(relay) for _ in range(3)]:
            delivery.sender.reply()
            delivery.abort()
        relay.close()
        late.abort()  # begun before, given back after: it is not kept either
        gevent.sleep(0.05)
        assert server.open_now == 0
        assert all(talk.verbs().endswith("QUIT") for talk in server.talks)
        assert message(relay, tmp_path).code == 250


# Identity


def test_told_again_when_it_changes_hands(tmp_path: Path) -> None:
    """RLY-12, XCL-11."""
    server = Server({"EHLO": ehlo(XCLIENT, "PIPELINING")})
    with relaying(server, trusted=True) as relay:
        for client in (ALICE, ALICE, BOB, ALICE):
            assert message(relay, tmp_path, client).code == 250
        assert len(server.talks) == 1
        told = [line.partition("LOGIN=")[2].split()[0] for line in server.talks[0].lines if line[:7] == "XCLIENT"]
        assert told == ["alice", "bob", "alice"]


def test_the_client_s_own_connection_is_preferred(tmp_path: Path) -> None:
    server = Server({"EHLO": ehlo(XCLIENT, "PIPELINING")})
    with relaying(server, trusted=True) as relay:
        for delivery in [begin(relay, ALICE), begin(relay, BOB)]:
            delivery.sender.reply()
            delivery.abort()
        message(relay, tmp_path, ALICE)
        message(relay, tmp_path, BOB)
        assert [talk.verbs().count("XCLIENT") for talk in server.talks] == [1, 1]
        assert [len(talk.mails) for talk in server.talks] == [1, 1]


def test_a_relay_that_takes_no_second_xclient(tmp_path: Path) -> None:
    """XCL-9: then a connection is kept for its client alone."""
    server = Server({"EHLO": ehlo(XCLIENT, "PIPELINING"), "XCLIENT": "550 5.7.0 No"})
    server.each = [{"XCLIENT": in_turn("220 Yes", "550 5.7.0 No")} for _ in range(10)]
    with relaying(server, trusted=True) as relay:
        for client in (ALICE, BOB, ALICE, BOB, ALICE, BOB):
            assert message(relay, tmp_path, client).code == 250
        assert len(server.talks) == 3  # the first one was lost in trying
        assert busy(relay) == 0


def test_a_lost_connection_does_not_say_that_xclient_is_refused(tmp_path: Path) -> None:
    server = Server({"EHLO": ehlo(XCLIENT, "PIPELINING")}, each=[{"XCLIENT": in_turn("220 Yes", CLOSE)}])
    with relaying(server, trusted=True) as relay:
        for client in (ALICE, BOB, ALICE, BOB):
            message(relay, tmp_path, client)
        assert len(server.talks) == 2


def test_trusted_without_xclient_is_kept_too(tmp_path: Path) -> None:
    """A relay that trusts our login, and knows no XCLIENT: no second AUTH on one connection (RFC 4954 4)."""
    server = Server({"EHLO": ehlo("AUTH PLAIN", "PIPELINING"), "AUTH": in_turn("235 Yes", "503 5.5.1 Already")})
    server.each = [{"AUTH": in_turn("235 Yes", "503 5.5.1 Already authenticated")} for _ in range(5)]
    with relaying(server, trusted=True, login=RelayLogin("me", password="secret")) as relay:
        for client in (ALICE, BOB, ALICE):
            assert message(relay, tmp_path, client).code == 250
        assert len(server.talks) == 1


def test_login_again_after_xclient(tmp_path: Path) -> None:
    """XCL-7: everything begins again."""
    server = Server({"EHLO": ehlo(XCLIENT, "AUTH PLAIN", "PIPELINING")})
    with relaying(server, trusted=True, login=RelayLogin("me", password="secret")) as relay:
        for client in (ALICE, BOB):
            message(relay, tmp_path, client)
        assert server.talks[0].verbs().startswith("EHLO XCLIENT EHLO AUTH MAIL RCPT DATA XCLIENT EHLO AUTH MAIL")


# The limit


def test_limit_is_kept_and_everybody_is_served(tmp_path: Path) -> None:
    server = Server({"content": later(0.005, "250 2.0.0 Queued")})
    with relaying(server, limit=3, connect_timeout=20.0) as relay:
        sessions = [gevent.spawn(message, relay, tmp_path) for _ in range(60)]
        gevent.joinall(sessions, timeout=20, raise_error=True)
        assert {session.value.code for session in sessions if session.value} == {250}
        assert len(server.mails) == 60
        assert server.most_open == 3
        assert busy(relay) == 0


def test_waiters_are_served_in_order(tmp_path: Path) -> None:
    server = Server()
    order: list[int] = []

    def send(number: int) -> None:
        message(relay, tmp_path)
        order.append(number)

    with relaying(server, limit=1, connect_timeout=20.0) as relay:
        first = begin(relay)
        waiting = [gevent.spawn(send, number) for number in range(10)]
        gevent.sleep(0.05)
        first.abort()
        gevent.joinall(waiting, timeout=10, raise_error=True)
    assert order == list(range(10))


def test_busy(tmp_path: Path) -> None:
    with relaying(Server(), limit=1, connect_timeout=0.2) as relay:
        first = begin(relay)
        began = time.monotonic()
        with pytest.raises(RelayFailed, match=f"^all 1 connections to {relay.pool.hop} are busy$") as failed:
            begin(relay)
        assert failed.value.reply == RELAY_BUSY
        assert 0.15 < time.monotonic() - began < 5
        first.abort()
        assert message(relay, tmp_path).code == 250
        assert busy(relay) == 0


def test_an_idle_one_is_closed_to_make_room(tmp_path: Path) -> None:
    """Kept for a client whose relay takes no second XCLIENT, it would stand in the way."""
    server = Server({"EHLO": ehlo(XCLIENT, "PIPELINING"), "XCLIENT": "550 5.7.0 No"})
    server.each = [{"XCLIENT": in_turn("220 Yes", "550 5.7.0 No")} for _ in range(10)]
    with relaying(server, limit=2, trusted=True) as relay:
        for client in (ALICE, BOB):  # now it is known
            message(relay, tmp_path, client)
        for delivery in [begin(relay, ALICE), begin(relay, BOB)]:
            delivery.sender.reply()
            delivery.abort()
        carol = replace(BOB, login="carol")
        assert message(relay, tmp_path, carol).code == 250
        gevent.sleep(0.05)
        assert server.open_now == 2
        assert [one.client for one in relay.pool.idle] == [BOB, carol]
        assert server.most_open <= 3  # the relay may hear of the end late


def test_a_relay_that_is_down_takes_no_slot(tmp_path: Path) -> None:
    server = Server({"greeting": "421 4.3.2 Busy"})
    with relaying(server, limit=2) as relay:
        for _ in range(5):
            with pytest.raises(RelayFailed):
                begin(relay)
        assert busy(relay) == 0


# What it can do


def test_capabilities_are_learnt(tmp_path: Path) -> None:
    server = Server({"EHLO": ehlo("VRFY", "CHUNKING")})
    with relaying(server, limit=1) as relay:
        assert set(relay.capabilities().keywords) == {"VRFY", "CHUNKING"}
        assert (busy(relay), len(relay.pool.idle)) == (0, 1)
        message(relay, tmp_path)
        assert len(server.talks) == 1


def test_a_relay_that_is_down_has_none(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    clock = clock_of(monkeypatch, "relay.relay")
    server = Server({"greeting": in_turn("421 4.3.2 Busy", "220 Yes")})
    with relaying(server) as relay:
        assert relay.capabilities().keywords == {}
        assert relay.capabilities().keywords == {}  # asked again only after a while
        assert len(server.talks) == 1
        clock.now += LEARN_AGAIN
        assert "CHUNKING" in relay.capabilities()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@pytest.mark.parametrize(
    ("announced", "keywords"),
    [(("dsn", "vrfy"), {"DSN", "VRFY"}), (("none",), set()), (("8bitmime", "none"), {"8BITMIME"})],
)
def test_backend_capabilities(announced: tuple[str, ...], keywords: set[str]) -> None:
    """Clients are told these; the relay is still asked for what it can do with a message."""
    with served(Server()) as server:
        relay = Relay(Pool(NextHop("127.0.0.1", server.port, "msa.example.org")), announced)
        assert set(relay.capabilities().keywords) == keywords
        assert server.talks == []
        connection = relay.pool.take(None)
        assert "CHUNKING" in connection.capabilities
        assert set(relay.capabilities().keywords) == keywords
        relay.pool.give_back(connection, "")
        relay.close()


# VRFY


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        pytest.param("252 2.5.0 Perhaps", Reply(252, "2.5.0", "Perhaps"), id="252"),
        pytest.param("550 5.1.1 No", Reply(550, "5.1.1", "No"), id="550"),
        pytest.param("502 5.5.1 Off", CANNOT_VERIFY, id="502"),
        pytest.param("421 4.3.2 Bye", Reply(451, "4.3.2", "Bye"), id="RLY-7 421"),
    ],
)
def test_verify(answer: str, reply: Reply) -> None:
    with relaying(Server({"VRFY": answer}), limit=1) as relay:
        assert relay.verify("b", ALICE, "test") == reply
        assert busy(relay) == 0
        assert len(relay.pool.idle) == (not answer.startswith("421"))


@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_verify_on_a_kept_connection_that_has_ended(end: str) -> None:
    server = Server(each=[{"VRFY": end}])
    with relaying(server, limit=1) as relay:
        begin(relay).abort()
        assert relay.verify("b", ALICE, "test").code == 252
        assert len(server.talks) == 2
        assert (busy(relay), len(relay.pool.idle)) == (0, 1)


@pytest.mark.parametrize("second", [SILENT, "nonsense", CLOSE, "greeting"])
def test_verify_fails_on_the_second_connection_too(second: str) -> None:
    """A connection on which an answer is still to come is never kept: the next client would hear it."""
    server = Server(each=[{"VRFY": CLOSE}, {second: "421 4.3.2 Busy"} if second == "greeting" else {"VRFY": second}])
    with relaying(server, limit=1, command_timeout=0.2) as relay:
        begin(relay).abort()
        with pytest.raises(RelayFailed):
            relay.verify("b", ALICE, "test")
        assert (busy(relay), relay.pool.idle) == (0, [])


def test_late_answer_to_vrfy_is_not_the_next_client_s(tmp_path: Path) -> None:
    server = Server(each=[{"VRFY": CLOSE}, {"VRFY": later(0.3, "550 5.1.1 No")}])
    with relaying(server, limit=1, command_timeout=0.2) as relay:
        begin(relay).abort()
        with pytest.raises(RelayFailed) as failed:
            relay.verify("b", ALICE, "test")
        assert failed.value.reply == RELAY_SLOW
        assert message(relay, tmp_path).code == 250


# Each slot comes back exactly once


def outcomes(chance: random.Random) -> Callable[[str], str]:
    """Mostly yes."""
    others = ["421 4.3.2 Bye", "450 4.2.0 Later", "550 5.1.1 No", "354 What", "nonsense", CLOSE, RESET]

    def answer(line: str) -> str:
        if chance.random() < 0.15:
            return chance.choice(others)
        return "354 Go on" if line == "DATA" else "250 2.0.0 Yes"

    return answer


@pytest.mark.parametrize("keywords", [("PIPELINING", "CHUNKING", XCLIENT), ()], ids=["rich", "poor"])
@pytest.mark.parametrize("trusted", [False, True], ids=["plain", "trusted"])
def test_slots_after_random_outcomes(tmp_path: Path, keywords: tuple[str, ...], trusted: bool) -> None:
    chance = random.Random(7)
    yes_or_no = outcomes(chance)
    answers = dict.fromkeys(("MAIL", "RCPT", "DATA", "RSET", "VRFY"), yes_or_no)
    greeting = in_turn(*chance.choices(["220 Yes", "421 4.3.2 Busy", CLOSE], weights=[8, 1, 1], k=500))
    final = in_turn(
        *chance.choices(["250 Yes", "550 No", "421 Bye", CLOSE, "nonsense"], weights=[6, 1, 1, 1, 1], k=500)
    )
    server = Server({"EHLO": ehlo(*keywords), "greeting": greeting, "content": final, **answers})

    def session(client: ClientFacts) -> None:
        for _ in range(8):
            gevent.sleep(0)
            with suppress(Refused):
                if chance.random() < 0.2:
                    relay.verify("b", client, "test")
                elif chance.random() < 0.3:
                    delivery = begin(relay, client)
                    delivery.abort()
                    delivery.abort()
                else:
                    message(relay, tmp_path, client)

    with relaying(server, limit=4, trusted=trusted, connect_timeout=5.0) as relay:
        sessions = [gevent.spawn(session, chance.choice([ALICE, BOB])) for _ in range(20)]
        gevent.joinall(sessions, timeout=30, raise_error=True)
        assert all(one.successful() for one in sessions)
        assert busy(relay) == 0
        assert len(relay.pool.idle) <= 4
        gevent.sleep(0.05)
        assert server.open_now == len(relay.pool.idle)
        relay.close()


def test_dns_failure_gives_the_slot_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "PATH", tmp_path / "hosts")
    relay = Relay(Pool(NextHop("no..name", 25, "msa.example.org"), max_connections=1))
    for _ in range(3):
        with pytest.raises(RelayFailed):
            begin(relay)
    assert busy(relay) == 0
