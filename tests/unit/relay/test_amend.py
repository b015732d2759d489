"""Another envelope for a message, after the relay has answered and before it has the content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gsubmit.message.body import MessageBody
from gsubmit.relay.delivery import RelayDelivery
from gsubmit.relay.relay import Relay
from gsubmit.smtp.envelope import Recipient, Sender, read_recipient, read_sender
from gsubmit.smtp.reply import Refused, Reply
from tests.harness.smtpserver import CLOSE, Server, ehlo, in_turn
from tests.unit.relay.relaying import ALICE, OFFERED, busy, relaying
from tests.unit.relay.sent import TEXT

RICH, POOR = ehlo("PIPELINING", "CHUNKING", "8BITMIME"), ehlo()
MAIL_A, MAIL_Z = "MAIL FROM:<a@example.org>", "MAIL FROM:<z@example.org>"


def to(*names: str) -> list[Recipient]:
    return [read_recipient(f"TO:<{name}@example.net>", OFFERED, (), smtputf8=True) for name in names]


def sender(name: str) -> Sender:
    return read_sender(f"FROM:<{name}@example.org>", OFFERED, ())


def rcpt(*names: str) -> list[str]:
    return [f"RCPT TO:<{name}@example.net>" for name in names]


@contextmanager
def begun(relay: Relay, *names: str) -> Iterator[RelayDelivery]:
    delivery = relay.begin(sender("a"), ALICE, "test")
    try:
        for recipient in to(*names):
            delivery.recipient(recipient)
        delivery.accepted(is_final=False)
        yield delivery
    finally:
        delivery.abort()
        assert busy(relay) == 0


def sent(delivery: RelayDelivery, folder: Path) -> Reply:
    body = MessageBody(str(folder))
    body.append(TEXT)
    try:
        return delivery.send(lambda _: b"", body)
    finally:
        body.close()


def asked(server: Server) -> list[str]:
    """What the relay heard, all connections in a row."""
    lines = [line for talk in server.talks for line in talk.lines]
    return [line.partition(" BODY=")[0] for line in lines if line[:4] in ("MAIL", "RCPT", "RSET", "EHLO")]


def refusing(line: str, *answers: str) -> Callable[[str], str]:
    """Another answer each time to this command, and 250 to others."""
    answer = in_turn(*answers)
    return lambda heard: answer(heard) if heard.startswith(line) else "250 2.1.0 ok"


@pytest.mark.parametrize("keywords", [RICH, POOR], ids=["CHUNKING", "DATA"])
def test_recipients_in_addition_are_asked_on_top(tmp_path: Path, keywords: str) -> None:
    server = Server({"EHLO": keywords})
    with relaying(server) as relay, begun(relay, "b") as delivery:
        assert delivery.amend(sender("a"), to("b", "c", "d")) == []
        assert asked(server) == ["EHLO msa.example.org", MAIL_A, *rcpt("b", "c", "d")]
        assert delivery.not_refused == to("b", "c", "d")
        assert sent(delivery, tmp_path).code == 250
    assert server.mails == [TEXT]


def test_the_same_envelope_asks_nothing(tmp_path: Path) -> None:
    server = Server({"EHLO": RICH})
    with relaying(server) as relay, begun(relay, "b", "b", "c") as delivery:
        assert delivery.amend(sender("a"), to("b", "b", "c")) == []
        assert asked(server)[1:] == [MAIL_A, *rcpt("b", "b", "c")]
        assert sent(delivery, tmp_path).code == 250


@pytest.mark.parametrize("keywords", [RICH, POOR], ids=["CHUNKING", "DATA"])
@pytest.mark.parametrize(("name", "names"), [("a", ["c"]), ("z", ["b", "c"]), ("z", ["d"]), ("a", ["c", "b"])])
def test_anything_else_begins_anew(tmp_path: Path, keywords: str, name: str, names: list[str]) -> None:
    server = Server({"EHLO": keywords})
    with relaying(server) as relay, begun(relay, "b", "c") as delivery:
        assert delivery.amend(sender(name), to(*names)) == []
        again = ["RSET", MAIL_Z if name == "z" else MAIL_A, *rcpt(*names)]
        assert asked(server) == ["EHLO msa.example.org", MAIL_A, *rcpt("b", "c"), *again]
        assert delivery.not_refused == to(*names)
        assert sent(delivery, tmp_path).code == 250
    assert server.mails == [TEXT]


def test_those_that_the_relay_refuses_are_told(tmp_path: Path) -> None:
    server = Server({"EHLO": RICH, "RCPT": refusing(*rcpt("c"), "550 5.1.1 no")})
    with relaying(server) as relay, begun(relay, "b") as delivery:
        (refused,) = delivery.amend(sender("a"), to("b", "c", "d"))
        assert (refused.request, refused.reply()) == (to("c")[0], Reply(550, "5.1.1", "no"))
        assert delivery.not_refused == to("b", "d")
        assert sent(delivery, tmp_path).code == 250


def test_recipients_that_were_refused_before_are_not_asked_again() -> None:
    server = Server({"EHLO": RICH, "RCPT": refusing(*rcpt("b"), "550 5.1.1 no")})
    with relaying(server) as relay, begun(relay, "b", "c") as delivery:
        assert delivery.amend(sender("a"), to("c", "d")) == []
        assert asked(server)[1:] == [MAIL_A, *rcpt("b", "c", "d")]
        assert delivery.amend(sender("z"), to("c", "d")) == []
        assert asked(server)[5:] == ["RSET", MAIL_Z, *rcpt("c", "d")]


def test_a_sender_that_the_relay_refuses_ends_it() -> None:
    server = Server({"EHLO": RICH, "MAIL": refusing(MAIL_Z, "550 5.7.1 not you")})
    with relaying(server) as relay, begun(relay, "b") as delivery:
        with pytest.raises(Refused) as refused:
            delivery.amend(sender("z"), to("b"))
        assert refused.value.reply == Reply(550, "5.7.1", "not you")
        assert refused.value.by == "relay"
        assert delivery.is_void


def test_a_recipient_that_is_not_taken_again_ends_it() -> None:
    """RLY-8: the client has heard 250 for it."""
    server = Server({"EHLO": RICH, "RCPT": refusing(*rcpt("b"), "250 2.1.5 ok", "450 4.2.1 later")})
    with relaying(server) as relay, begun(relay, "b") as delivery:
        with pytest.raises(Refused) as refused:
            delivery.amend(sender("z"), to("b"))
        assert refused.value.reply.code == 450
        assert delivery.is_void


@pytest.mark.parametrize("parked", [False, True])
def test_a_connection_that_has_died_is_replaced(tmp_path: Path, parked: bool) -> None:
    server = Server({"EHLO": RICH, "RCPT": refusing(*rcpt("c"), CLOSE, "250 2.1.5 ok")})
    with relaying(server) as relay, begun(relay, "b") as delivery:
        if parked:
            relay.pool.parking.park(1)
        assert delivery.amend(sender("a"), to("b", "c")) == []
        assert sent(delivery, tmp_path).code == 250
    assert server.mails == [TEXT]


def test_a_parked_transaction_comes_back(tmp_path: Path) -> None:
    server = Server({"EHLO": RICH})
    with relaying(server) as relay, begun(relay, "b") as delivery:
        relay.pool.parking.park(1)
        assert delivery.amend(sender("z"), to("b")) == []
        assert sent(delivery, tmp_path).code == 250
        assert asked(server)[-2:] == [MAIL_Z, *rcpt("b")]


def test_data_that_was_asked_for_early_is_given_up(tmp_path: Path) -> None:
    """The go-ahead of a relay without CHUNKING may be on its way: that transaction cannot be amended."""
    server = Server({"EHLO": ehlo("PIPELINING")})
    with relaying(server) as relay:
        for _ in range(2):
            delivery = relay.begin(sender("a"), ALICE, "test")
            delivery.recipient(to("b")[0])
            delivery.accepted()
            assert delivery.amend(sender("a"), to("b", "c")) == []
            assert sent(delivery, tmp_path).code == 250
            delivery.abort()
        assert server.mails == [TEXT, TEXT]
        assert asked(server)[-3:] == [MAIL_A, *rcpt("b", "c")]
