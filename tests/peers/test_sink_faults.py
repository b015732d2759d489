"""smtp-sink with its faults: each command refused for good or for now, or answered with the end of the connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_message import small_message
from tests.harness.peer_sink import Sink, sink_folder, sink_in
from tests.harness.ports import free_ports

FAULTS = {"hard": "-f", "soft": "-r", "disconnect": "-q", "421": "-Q"}
REPLIES = {"hard": (550, b"5.3.0 "), "soft": (450, b"4.3.0 "), "disconnect": (451, b"4.4.2 "), "421": (451, b"4.0.0 ")}
FAULT = pytest.mark.parametrize("fault", FAULTS)
COMMANDS = ("MAIL", "RCPT", "DATA", ".")


@pytest.fixture(scope="module")
def port() -> int:
    """Where sinks come and go."""
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def client(port: int) -> Iterator[Client]:
    """One session for all faults."""
    with sink_folder() as folder, gsubmit(port) as server:
        with sink_in(folder, port):  # announces nothing special
            one = Client(server)
        with one:
            yield one
            assert server.process.poll() is None
            assert "Traceback" not in server.log


@contextmanager
def _faulty(port: int, fault: str, command: str, *options: str) -> Iterator[Sink]:
    options = ("-B", "550 5.3.0 Error", FAULTS[fault], command, *options)
    with sink_folder() as folder, sink_in(folder, port, *options) as relay:
        yield relay


@FAULT
@pytest.mark.parametrize("command", COMMANDS)
def test_a_refusal_is_passed_on_and_a_lost_relay_is_451(client: Client, port: int, command: str, fault: str) -> None:
    with _faulty(port, fault, command) as relay:
        for number in range(2):
            reply = client.submit(small_message(f"faulty-{number}", 20_000))
            assert (reply[0], reply[1][:6]) == REPLIES[fault]
            client.rset()
            assert client.noop()[0] == 250
        assert len(relay.messages) <= 2  # a lost answer to the dot: it may have them, and is not given them again
    with sink_folder() as folder, sink_in(folder, port) as relay:
        assert client.submit(small_message("healed"))[0] == 250
        assert len(relay.messages) == 1


@FAULT
@pytest.mark.parametrize("command", ["CONNECT", "EHLO"])
def test_a_relay_that_does_not_want_us_is_451(client: Client, port: int, command: str, fault: str) -> None:
    with _faulty(port, fault, command):
        code, text = client.submit(small_message("unwanted"))
        if (command, fault) == ("EHLO", "hard"):
            assert code == 250  # HELO will do (RLY-1)
            return
        assert code == 451
        assert text[:6] in (b"4.3.5 ", b"4.4.1 ", b"4.4.2 "), text
        assert client.noop()[0] == 250


@FAULT
def test_a_failed_rset_costs_a_connection_and_no_message(client: Client, port: int, fault: str) -> None:
    with _faulty(port, fault, "RSET") as relay:
        for number in range(3):
            assert client.begin()[0] == 250
            assert client.rset()[0] == 250
            assert client.submit(small_message(f"after-rset-{number}"))[0] == 250
        assert len(relay.messages) == 3


@FAULT
def test_a_failed_vrfy_is_not_the_end(client: Client, port: int, fault: str) -> None:
    with _faulty(port, fault, "VRFY"):
        code, text = client.verify("someone@example.org")
        assert code in (252, 450, 451, 550), text
        assert client.submit(small_message("after-vrfy"))[0] == 250


@FAULT
def test_a_failed_quit_does_not_keep_the_server_from_ending(fault: str) -> None:
    (port,) = free_ports(1)
    with _faulty(port, fault, "QUIT"), gsubmit(port) as server:
        with Client(server) as one:
            assert one.submit(small_message("before-quit"))[0] == 250
        server.process.terminate()
        assert server.process.wait(10) == 0
        assert "Traceback" not in server.log


@pytest.mark.parametrize("command", ["EHLO", "MAIL"])
def test_a_slow_relay_is_waited_for(client: Client, port: int, command: str) -> None:
    with sink_folder() as folder, sink_in(folder, port, "-W", f"{command}:1:0") as relay:
        assert client.submit(small_message("slow"))[0] == 250
        assert len(relay.messages) == 1


def test_a_relay_that_refuses_in_the_middle_of_the_body_is_heard(client: Client, port: int) -> None:
    with _faulty(port, "hard", "NOOP", "-A", "0") as relay:
        for _ in range(2):
            code, text = client.submit(small_message("middle", 8_000_000))
            assert (code, text) == (550, b"5.0.0 This violates SMTP")
            assert client.noop()[0] == 250
        assert not any(one.rstrip().endswith(b"yyyyy") for one in relay.messages)


def test_a_relay_with_a_logged_command_is_like_any_other(client: Client, port: int) -> None:
    with sink_folder() as folder, sink_in(folder, port, "-s", "MAIL,RCPT,DATA,.") as relay:
        assert client.submit(small_message("logged"))[0] == 250
        assert len(relay.messages) == 1
