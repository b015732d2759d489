"""smtp-sink as relay: with fewer extensions, and with many messages."""

from __future__ import annotations

from email import message_from_bytes

import gevent
import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_gsubmit import Gsubmit, gsubmit
from tests.harness.peer_message import hard_message, small_message
from tests.harness.peer_process import eventually
from tests.harness.peer_sink import Sink, sink, sink_folder, sink_in
from tests.harness.ports import free_ports

EIGHT_BIT = hard_message(200_000)
SEVEN_BIT = small_message("seven-bit", 200_000)
CLIENTS, MESSAGES = 10, 50


@pytest.mark.parametrize("options", [(), ("-p",), ("-8",), ("-p", "-8"), ("-E",), ("-e",)], ids=" ".join)
def test_a_relay_with_fewer_extensions_gets_what_it_can_take(options: tuple[str, ...]) -> None:
    takes_8bit = not {"-8", "-e"} & set(options)
    with sink(*options) as relay, gsubmit(relay.port) as server, Client(server, tls=True) as client:
        client.ehlo()
        assert client.has_extn("8bitmime")
        assert client.sendmail("a@example.org", ["b@example.org", "c@example.org"], SEVEN_BIT) == {}
        _assert_stored(relay, SEVEN_BIT, 1)
        client.docmd("MAIL", "FROM:<a@example.org>")
        client.docmd("RCPT", "TO:<b@example.org>")
        assert client.data(EIGHT_BIT)[0] == 250
        if takes_8bit:
            _assert_stored(relay, EIGHT_BIT, 2)
        else:
            _assert_converted(relay, EIGHT_BIT)


def _assert_converted(relay: Sink, message: bytes) -> None:
    """One of the messages is in ASCII, and its text is the same after decoding (from base64, so it has CRLF)."""
    (stored,) = [one for one in relay.messages if b"\nMessage-ID: <hard@" in one]
    assert stored.isascii()
    text = message_from_bytes(stored).get_payload(decode=True)
    assert isinstance(text, bytes)
    is_same = text == message.partition(b"\r\n\r\n")[2]  # not in the assertion: it would print all of it
    assert is_same


def _assert_stored(relay: Sink, message: bytes, count: int) -> None:
    """The sink adds an empty line to each message."""
    stored = eventually(f"message {count} at the sink", lambda: (found := relay.messages)[count - 1 :] and found)
    content = message.replace(b"\r\n", b"\n")
    assert sum(content == one.rstrip(b"\n")[-len(content) + 1 :] + b"\n" for one in stored) == 1


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
