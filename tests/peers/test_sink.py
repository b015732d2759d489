"""smtp-sink as relay: with fewer extensions, with faults, and with many messages."""

from __future__ import annotations

import gevent
import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_gsubmit import Gsubmit, gsubmit
from tests.harness.peer_message import hard_message, small_message
from tests.harness.peer_process import eventually, free_ports
from tests.harness.peer_sink import Sink, sink, sink_folder, sink_in

EIGHT_BIT = hard_message(200_000)
SEVEN_BIT = small_message("seven-bit", 200_000)
CLIENTS, MESSAGES = 10, 50


@pytest.mark.parametrize("options", [(), ("-p",), ("-8",), ("-p", "-8"), ("-E",), ("-e",)], ids=" ".join)
def test_a_relay_with_fewer_extensions_gets_what_it_can_take(options: tuple[str, ...]) -> None:
    takes_8bit = not {"-8", "-e"} & set(options)
    with sink(*options) as relay, gsubmit(relay.port) as server, Client(server, tls=True) as client:
        client.ehlo()
        assert client.has_extn("8bitmime") == takes_8bit
        assert client.sendmail("a@example.org", ["b@example.org", "c@example.org"], SEVEN_BIT) == {}
        _assert_stored(relay, SEVEN_BIT, 1)
        client.docmd("MAIL", "FROM:<a@example.org>")
        client.docmd("RCPT", "TO:<b@example.org>")
        if takes_8bit:
            assert client.data(EIGHT_BIT)[0] == 250
            _assert_stored(relay, EIGHT_BIT, 2)
        else:
            assert client.data(EIGHT_BIT)[:1] == (554,)
            assert len(relay.messages) == 1


def _assert_stored(relay: Sink, message: bytes, count: int) -> None:
    """The sink adds an empty line to each message."""
    stored = eventually(f"message {count} at the sink", lambda: (found := relay.messages)[count - 1 :] and found)
    content = message.replace(b"\r\n", b"\n")
    assert sum(content == one.rstrip(b"\n")[-len(content) + 1 :] + b"\n" for one in stored) == 1


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["-q", "."], 451),
        (["-Q", "."], 451),
        (["-q", "DATA"], 451),
        (["-Q", "DATA"], 451),
        (["-q", "RCPT"], 451),
        (["-Q", "MAIL"], 451),
        (["-r", "."], 450),
        (["-f", "."], 550),
        (["-f", "DATA"], 550),
        (["-r", "MAIL"], 450),
        (["-f", "RCPT"], 550),
        (["-A", "0"], 550),
        (["-q", "EHLO"], 451),
        (["-f", "CONNECT"], 451),
    ],
    ids=str,
)
def test_a_faulty_relay_costs_the_client_one_proper_reply(options: list[str], code: int) -> None:
    with sink("-B", "550 5.3.0 Error", *options) as relay, gsubmit(relay.port) as server, Client(server) as client:
        message = small_message("faulty", 300_000)
        assert client.submit(message)[0] == code
        assert client.noop()[0] == 250
        assert len([one for one in relay.messages if one.rstrip().endswith(message[-70:].rstrip())]) <= 1


def test_many_messages_of_many_clients_arrive_once_each() -> None:
    with sink() as relay, gsubmit(relay.port) as server:
        clients = [gevent.spawn(_send_many, server, number) for number in range(CLIENTS)]
        gevent.joinall(clients, raise_error=True)
        stored = relay.messages
        assert len(stored) == CLIENTS * MESSAGES
        for number in range(CLIENTS):
            for message in range(MESSAGES):
                assert sum(f"<m{number}-{message}@example.org>".encode() in one for one in stored) == 1


def _send_many(server: Gsubmit, number: int) -> None:
    with Client(server, tls=number % 2 == 0) as client:
        for message in range(MESSAGES):
            content = small_message(f"m{number}-{message}", 500 * message)
            if message % 3:
                assert client.submit(content)[0] == 250
            else:
                assert client.submit_in_chunks(content, (100, 1))[0] == 250



def test_a_relay_that_is_down_is_used_again_when_it_comes() -> None:
    (port,) = free_ports(1)
    with sink_folder() as folder, gsubmit(port) as server, Client(server) as client:
        code, text = client.submit(small_message("down"))
        assert (code, text) == (451, b"4.4.1 Cannot reach the relay server, try again later")
        with sink_in(folder, port) as relay:
            assert client.submit(small_message("up"))[0] == 250
            assert len(relay.messages) == 1
