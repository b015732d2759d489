"""What an administrator sees: ports in use, limits, slow clients, and the end of the server."""

from __future__ import annotations

import smtplib
import socket
import time

import gevent
import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_clients import run
from tests.harness.peer_gsubmit import gsubmit, gsubmit_program
from tests.harness.peer_message import dotted, small_message
from tests.harness.peer_process import HOST, answers, eventually
from tests.harness.peer_sink import sink

MESSAGE = small_message("operation", 100_000)


def test_a_port_in_use_is_one_line_and_exit_code_1() -> None:
    with gsubmit(1) as server:
        ran = run([gsubmit_program(), "serve", "-c", str(server.folder / "gsubmit.conf")])
        assert ran.code == 1
        assert ran.output == f"cannot listen on 127.0.0.1 port {server.port}: Address already in use\n"


def test_sigterm_lets_a_transaction_finish_and_tells_the_others() -> None:
    with sink() as relay, gsubmit(relay.port) as server, Client(server) as idle, Client(server) as busy:
        busy.begin()
        assert busy.docmd("DATA")[0] == 354
        server.process.terminate()
        code, text = idle.getreply()
        assert (code, text) == (421, b"4.3.2 msa.example.org Server shutting down")
        eventually("closed ports", lambda: not answers(server.port) and not answers(server.tls_port))
        assert busy.sock is not None
        busy.sock.sendall(dotted(MESSAGE) + b".\r\n")
        assert busy.getreply()[0] == 250
        assert busy.getreply()[0] == 421
        assert server.process.wait(5) == 0
        assert MESSAGE.replace(b"\r\n", b"\n") in relay.messages[0]
        assert "Traceback" not in server.log


def test_the_client_after_the_last_one_allowed_gets_421() -> None:
    limit = "service submission-login {\n  process_limit = 2\n}"
    with sink() as relay, gsubmit(relay.port, limit) as server, Client(server) as first:
        with Client(server):
            with socket.create_connection((HOST, server.port)) as third, third.makefile("rb") as replies:
                assert replies.readline() == b"421 4.3.2 msa.example.org Too many connections, try again later\r\n"
                assert replies.read() == b""
            with pytest.raises(smtplib.SMTPConnectError) as refused:
                smtplib.SMTP(HOST, server.port)
            assert refused.value.smtp_code == 421
        eventually("the second one's end", lambda: "Disconnected: " in server.log_so_far)
        with Client(server) as second:
            assert second.submit(MESSAGE)[0] == 250
        assert first.submit(MESSAGE)[0] == 250


def _one_octet_at_a_time(port: int, before: bytes, octets: bytes) -> None:
    with socket.create_connection((HOST, port)) as sock:
        sock.sendall(before)
        for octet in octets:
            sock.sendall(bytes((octet,)))
            gevent.sleep(0.2)


def test_slow_clients_hold_nobody_but_themselves() -> None:
    login = b"EHLO x\r\nAUTH PLAIN AHVzZXIAc2VjcmV0\r\n"
    starts = [b"", login, b"EHLO x\r\nSTARTTLS\r\n", login + b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"]
    with sink() as relay, gsubmit(relay.port) as server:
        slow = [gevent.spawn(_one_octet_at_a_time, server.port, start, b"EHLO " + b"y" * 500) for start in starts * 5]
        slow += [
            gevent.spawn(_one_octet_at_a_time, server.tls_port, b"", b"\x16\x03\x01\x02\x00" * 100) for _ in starts
        ]
        gevent.sleep(0.5)
        began = time.monotonic()
        for _ in range(5):
            with Client(server, tls=True) as client:
                assert client.submit(MESSAGE)[0] == 250
        assert time.monotonic() - began < 30  # a slow client takes a hundred
        assert not any(greenlet.ready() for greenlet in slow)
        gevent.killall(slow)
