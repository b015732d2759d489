"""Lines and blocks in, replies out, over a real pair of sockets."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import gevent
import pytest

from gsubmit.logs import rawlog
from gsubmit.logs.rawlog import open_rawlog
from gsubmit.server.commands.table import COMMANDS
from gsubmit.server.wire import MAX_LINE, Closed, LineTooLong, TimedOut, Wire
from gsubmit.smtp.reply import Reply
from tests.harness.serving import certificate_folder

TIMEOUT = 0.05
OK = Reply(250, "2.0.0", "OK")


@dataclass
class Ends:
    wire: Wire
    client: socket.socket


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, client = socket.socketpair()
    wire = Wire(ours, TIMEOUT)
    client.settimeout(5)
    yield Ends(wire, client)
    wire.close()
    client.close()


def lines(ends: Ends, octets: bytes, step: int) -> Iterator[bytes | None]:
    """What read_line makes of `octets` sent `step` at a time; None for a line too long."""
    ends.wire.timeout = 5

    def send() -> None:
        for at in range(0, len(octets), step):
            ends.client.sendall(octets[at : at + step])
            gevent.sleep(0)
        ends.client.shutdown(socket.SHUT_WR)

    gevent.spawn(send)
    while True:
        try:
            yield ends.wire.read_line()
        except LineTooLong:
            yield None
        except Closed:
            return


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(b"NOOP\r\n", [b"NOOP"], id="one line"),
        pytest.param(b"RSET\r\nNOOP\r\nQUIT\r\n", [b"RSET", b"NOOP", b"QUIT"], id="TV-PIP-4"),
        pytest.param(b"\r\n\r\n", [b"", b""], id="empty lines"),
        pytest.param(b"NOOP\nRSET\r\n", [b"NOOP\nRSET"], id="TV-CMD-32 LF ends no line"),
        pytest.param(b"NOOP\rRSET\r\n", [b"NOOP\rRSET"], id="CMD-1 CR ends no line"),
        pytest.param(b"NOOP\r\r\n", [b"NOOP\r"], id="SMG-9 CR CR LF"),
        pytest.param(b"NOOP", [], id="CMD-1 nothing before the CRLF"),
        pytest.param(b"NOOP\r", [], id="CMD-1 nothing before the LF"),
    ],
)
def test_lines(ends: Ends, octets: bytes, expected: list[bytes | None], step: int) -> None:
    assert list(lines(ends, octets, step)) == expected


@pytest.mark.parametrize("step", [509, 4096, MAX_LINE + 1, 1_000_000])
@pytest.mark.parametrize(
    ("length", "expected"),
    [
        pytest.param(12288, b"x" * 12288, id="LIM-9"),
        pytest.param(MAX_LINE, b"x" * MAX_LINE, id="the longest"),
        pytest.param(MAX_LINE + 1, None, id="LIM-3 one octet more"),
        pytest.param(10 * MAX_LINE, None, id="LIM-3 much more"),
    ],
)
def test_long_line(ends: Ends, length: int, expected: bytes | None, step: int) -> None:
    """LIM-3, TV-CMD-36: the rest of the line is dropped, what follows is not, and the cut makes no difference."""
    assert list(lines(ends, b"x" * length + b"\r\nNOOP\r\n", step)) == [expected, b"NOOP"]


def test_longest_line_when_its_lf_comes_late(ends: Ends) -> None:
    ends.wire.timeout = 5
    ends.client.sendall(b"x" * MAX_LINE + b"\r")
    gevent.spawn_later(0.05, ends.client.sendall, b"\n")
    assert ends.wire.read_line() == b"x" * MAX_LINE


def test_has_input(ends: Ends) -> None:
    """Whether the client has sent ahead, which DATA does not allow (SMG-8)."""
    ends.client.sendall(b"NOOP\r\nNOOP\r\n")
    seen = []
    for _ in range(2):
        ends.wire.read_line()
        seen.append(ends.wire.has_input)
    assert seen == [True, False]


def test_blocks(ends: Ends) -> None:
    ends.client.sendall(b"BDAT 5\r\nabcdeNOOP\r\n")
    assert ends.wire.read_line() == b"BDAT 5"
    assert ends.wire.read_block(3) == b"abc"
    assert ends.wire.read_block(2) == b"de"
    assert ends.wire.read_line() == b"NOOP"
    ends.client.sendall(b"fgh")
    assert ends.wire.read_block(2) == b"fg"
    assert ends.wire.read_block() == b"h"


def test_unread(ends: Ends) -> None:
    ends.client.sendall(b"content\r\n.\r\nRSET\r\nNO")
    block = ends.wire.read_block()
    ends.wire.unread(block[12:])
    assert ends.wire.read_line() == b"RSET"
    ends.client.sendall(b"OP\r\n")
    assert ends.wire.read_line() == b"NOOP"


@pytest.mark.parametrize("read", ["read_line", "read_block"])
def test_replies_leave_before_any_wait(ends: Ends, read: str) -> None:
    ends.wire.send(OK)
    ends.wire.send(Reply(354, "", "Go"))
    with pytest.raises(TimedOut):
        getattr(ends.wire, read)()
    assert ends.client.recv(100) == b"250 2.0.0 OK\r\n354 Go\r\n"


def test_replies_gather_while_there_is_input(ends: Ends) -> None:
    ends.client.sendall(b"RSET\r\nNOOP\r\n")
    for _ in range(2):
        ends.wire.read_line()
        ends.wire.send(OK)
    ends.client.setblocking(False)
    with pytest.raises(BlockingIOError):
        ends.client.recv(100)
    ends.wire.flush()
    assert ends.client.recv(100) == b"250 2.0.0 OK\r\n" * 2


@dataclass
class Promise:
    """An answer that is asked for only when it must be known."""

    asked: list[str] = field(default_factory=list)

    def reply(self) -> Reply:
        self.asked.append("reply")
        return OK


def test_promise_is_awaited_at_the_flush(ends: Ends) -> None:
    promise = Promise()
    ends.wire.send(promise)
    assert promise.asked == []
    ends.wire.flush()
    assert promise.asked == ["reply"]
    assert ends.client.recv(100) == OK.wire


def test_figures(ends: Ends) -> None:
    ends.client.sendall(b"NOOP\r\n")
    ends.wire.read_line()
    ends.wire.send(OK)
    ends.wire.flush()
    assert (ends.wire.octets_in, ends.wire.octets_out, ends.wire.replies) == (6, len(OK.wire), 1)


def test_timeout(ends: Ends) -> None:
    ends.client.sendall(b"NOOP")
    with pytest.raises(TimedOut):
        ends.wire.read_line()


@pytest.mark.parametrize("begun", [b"NO", b"x" * (MAX_LINE + 100)], ids=["a command", "a line too long"])
def test_a_line_octet_by_octet(ends: Ends, begun: bytes) -> None:
    """A line that has begun ends in time, however long one waits for it to begin."""
    timeout = ends.wire.timeout = 0.2

    def drip() -> None:
        gevent.sleep(timeout / 2)
        ends.client.sendall(begun)
        for _ in range(600):
            ends.client.sendall(b"x")
            gevent.sleep(timeout / 10)

    dripping = gevent.spawn(drip)
    begin = time.monotonic()
    with pytest.raises(TimedOut):
        ends.wire.read_line()
    assert timeout < time.monotonic() - begin < 20 * timeout
    assert ends.wire.timeout == timeout
    dripping.kill()


def test_client_that_takes_no_replies(ends: Ends) -> None:
    ends.wire.send(Reply(250, "", "x\n" * 200_000))
    with pytest.raises(TimedOut):
        ends.wire.flush()


def test_closed_by_the_client(ends: Ends) -> None:
    ends.client.close()
    with pytest.raises(Closed, match="closed by the client"):
        ends.wire.read_line()
    ends.wire.send(OK)
    with pytest.raises(Closed):
        ends.wire.flush()


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_folder() / "cert.pem", certificate_folder() / "key.pem")
    return context


def client_in_tls(client: socket.socket) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(certificate_folder() / "ca.pem"))
    return context.wrap_socket(client, server_hostname="localhost")


def test_start_tls(ends: Ends) -> None:
    """STL of docs/rules.md: what came in clear text is dropped, the reply before TLS has left."""
    ends.client.sendall(b"STARTTLS\r\nRSET\r\n")
    assert ends.wire.read_line() == b"STARTTLS"
    ends.wire.send(Reply(220, "2.0.0", "Go"))
    handshake = gevent.spawn(ends.wire.start_tls, server_context(), 5.0)
    assert ends.client.recv(100) == b"220 2.0.0 Go\r\n"
    ends.wire.timeout = 5
    tls = client_in_tls(ends.client)
    handshake.get()
    assert (ends.wire.tls is None, ends.wire.has_input) == (False, False)
    tls.sendall(b"NOOP\r\n")
    assert ends.wire.read_line() == b"NOOP"
    ends.wire.send(OK)
    ends.wire.flush()
    assert tls.recv(100) == OK.wire
    ends.wire.timeout = TIMEOUT
    with pytest.raises(TimedOut):
        ends.wire.read_line()
    tls.close()


@pytest.mark.parametrize(
    ("octets", "expected"),
    [pytest.param(b"", TimedOut, id="silence"), pytest.param(b"EHLO client.example\r\n", Closed, id="no TLS")],
)
def test_handshake_that_fails(ends: Ends, octets: bytes, expected: type[Exception]) -> None:
    ends.client.sendall(octets)
    with pytest.raises(expected):
        ends.wire.start_tls(server_context(), 0.05)


def test_rawlog(tmp_path: Path) -> None:
    """What is said is noted once; a response in AUTH is not."""
    ours, client = socket.socketpair()
    wire = Wire(ours, TIMEOUT, open_rawlog(str(tmp_path), "client"), COMMANDS)
    client.sendall(b"AUTH LOGIN dXNlcg==\r\nc2VjcmV0\r\nDATA\r\nx\r\n.\r\nQUIT\r\n")
    wire.read_line()
    wire.read_line(secret=True)
    wire.read_line()
    block = wire.read_block()
    wire.note_content(block[:6])
    wire.unread(block[6:])
    wire.read_line()
    wire.send(OK)
    wire.flush()
    wire.close()
    client.close()
    rawlog.flush()
    said = b"".join(line.partition(b" ")[2] for line in next(tmp_path.glob("*.in")).read_bytes().splitlines(True))
    assert said == b"AUTH LOGIN <secret>\r\n<secret>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n"
    assert next(tmp_path.glob("*.out")).read_bytes().endswith(b" 250 2.0.0 OK\r\n")


@pytest.mark.parametrize(
    ("lines", "noted"),
    [
        (b"EHLO x\nAUTH PLAIN c2VjcmV0\nQUIT\r\n", b"<secret>\r\n"),
        (b"EHLO x\rAUTH LOGIN\rc2VjcmV0\r\n", b"<secret>\r\n"),
        (b" AUTH LOGIN\r\nc2VjcmV0\r\n", b" AUTH LOGIN\r\n<secret>\r\n"),
        (b"AUTH LOGIN\r\nc2VjcmV0\nQUIT\r\nNOOP\r\n", b"AUTH LOGIN\r\n<secret>\r\nNOOP\r\n"),
        (b"EHLO x\nNOOP\r\n", b"EHLO x\nNOOP\r\n"),
        (b"\r\nc2VjcmV0\r\n", b"\r\n<secret>\r\n"),
        (b"XAUTH PLAIN\r\nc2VjcmV0\r\nQUIT\r\n", b"<secret>\r\n<secret>\r\nQUIT\r\n"),
        (b"XAUTH PLAIN c2VjcmV0\r\n", b"<secret>\r\n"),
        (b"\0AUTH LOGIN\r\nc2VjcmV0\r\n", b"<secret>\r\n<secret>\r\n"),
        (b"AUTH\0PLAIN c2VjcmV0\r\n", b"<secret>\r\n"),
        (b"\xa0AUTH PLAIN c2VjcmV0\r\n", b"<secret>\r\n"),
        (b"AUTH\xa0PLAIN c2VjcmV0\r\n", b"<secret>\r\n"),
        (b"AUTH:PLAIN c2VjcmV0\r\n", b"<secret>\r\n"),
        (b"A UTH PLAIN c2VjcmV0\r\n", b"<secret>\r\n"),
        (b"AUHT LOGIN c2VjcmV0\r\n", b"<secret>\r\n"),
        (b"AUTHPLAIN c2VjcmV0\r\n", b"<secret>\r\n"),
        (b"a1 LOGIN me c2VjcmV0\r\n", b"<secret>\r\n"),
        (b"USER me\r\nPASS c2VjcmV0\r\n", b"<secret>\r\n<secret>\r\n"),
        (b"AUTH PLAIN " + b"x" * MAX_LINE + b"\r\nc2VjcmV0\r\nNOOP\r\n", b"<secret>\r\n<secret>\r\nNOOP\r\n"),
        (b"AUTH LOGIN" + b" " * (MAX_LINE - 9) + b"\r\nc2VjcmV0\r\n", b"<secret>\r\n<secret>\r\n"),
        (
            b"BURL imap://u@h/m;uid=2;url\r\nauth=submit+u:internal:91354a4\r\n",
            b"BURL imap://u@h/m;uid=2;url\r\n<secret>\r\n",
        ),
        (
            b"BURL imap://u@h/m;uid=2;urlauth=submit+u:internal:9135\r\n473744909de610943775f\r\n",
            b"BURL imap://u@h/m;uid=2;urlauth=submit+u:internal:<hidden>\r\n<secret>\r\n",
        ),
    ],
)
def test_rawlog_of_a_client_that_keeps_to_no_rules(tmp_path: Path, lines: bytes, noted: bytes) -> None:
    """Rawlogs are written to look into such ones: they show no password for that."""
    ours, client = socket.socketpair()
    wire = Wire(ours, TIMEOUT, open_rawlog(str(tmp_path), "client"), COMMANDS)
    client.sendall(lines)
    for _ in range(lines.count(b"\r\n")):
        with suppress(LineTooLong):
            wire.read_line()
    wire.close()
    client.close()
    rawlog.flush()
    said = next(tmp_path.glob("*.in")).read_bytes()
    assert re.sub(rb"(^|(?<=[\r\n]))[0-9]{10}\.[0-9]{6} ", b"", said) == noted


def test_linger_takes_what_still_comes(ends: Ends) -> None:
    """The last reply is not lost to a reset although the client goes on sending."""
    ends.client.sendall(b"x" * 1000)
    ends.wire.send(OK)
    ends.wire.flush()
    gevent.spawn_later(0.02, ends.client.shutdown, socket.SHUT_WR)
    ends.wire.linger()
    ends.wire.close()
    assert ends.client.recv(100) == OK.wire
    assert ends.client.recv(100) == b""


@pytest.mark.parametrize("in_tls", [False, True], ids=["plain", "TLS"])
def test_has_left(ends: Ends, in_tls: bool) -> None:
    """A client that says QUIT ahead and listens on has not left."""
    client = ends.client
    if in_tls:
        shaking = gevent.spawn(client_in_tls, client)
        ends.wire.start_tls(server_context(), 5)
        client = shaking.get()
    assert not ends.wire.has_left()
    client.sendall(b"QUIT\r\n")
    gevent.sleep(0.01)
    assert not ends.wire.has_left()
    client.shutdown(socket.SHUT_RDWR)
    client.close()
    gevent.sleep(0.01)
    assert not ends.wire.has_left()
    assert ends.wire.read_line() == b"QUIT"
    assert ends.wire.has_left()
    assert ends.wire.octets_in == len(b"QUIT\r\n")
