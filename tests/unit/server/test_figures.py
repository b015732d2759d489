"""What is counted of whole dialogs: after a known series of sessions the figures are exactly so."""

from __future__ import annotations

import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import gevent
import pytest
from gevent import monkey

from gsubmit.metrics.board import Board
from gsubmit.metrics.figures import LAYOUT, LOOP_DELAY
from tests.harness.ports import free_ports
from tests.harness.serving import Serving, serving
from tests.harness.smtpserver import CLOSE, Answer, Server, served


def plain(password: str) -> str:
    return f"AUTH PLAIN {b64encode(f'{chr(0)}user{chr(0)}{password}'.encode()).decode()}"


EHLO = "EHLO c.example.org"
LOGIN = [EHLO, plain("secret")]
MAIL, JO, ANN = "MAIL FROM:<me@example.org>", "RCPT TO:<jo@example.net>", "RCPT TO:<ann@example.net>"
ENVELOPE = [MAIL, JO]
TEXT = "Subject: x\r\nMessage-ID: <1@example.org>\r\n\r\n"
MESSAGE = [*ENVELOPE, "DATA", f"{TEXT}text\r\n."]

OK = "logins{PLAIN,ok}"
CHANGING = ("_bytes", "_seconds", "gsubmit_connections")  # looked at elsewhere


def counted(board: Board) -> dict[str, int]:
    """All counters that are not 0, without those that each dialog changes."""
    return {
        f"{figure.name.removeprefix('gsubmit_').removesuffix('_total')}{{{','.join(values)}}}".replace("{}", ""): int(
            board.total(cell)
        )
        for figure in LAYOUT.figures
        if figure.kind == "counter" and not any(word in figure.name for word in CHANGING)
        for values, cell in figure.cells.items()
        if board.total(cell)
    }


def gauge(board: Board, name: str, *values: str) -> float:
    (figure,) = (figure for figure in LAYOUT.figures if figure.name == f"gsubmit_{name}")
    return board.total(figure.at(*values))


def observed(board: Board, name: str, *values: str) -> tuple[int, float]:
    """How often, and the sum."""
    (figure,) = (figure for figure in LAYOUT.figures if figure.name == f"gsubmit_{name}")
    first, width = figure.at(*values), len(figure.bounds) + 1
    return int(sum(board.total(first + number) for number in range(width))), board.total(first + width)


def say(port: int, *lines: str, last: str = "") -> None:
    """Lines, each after the reply to the one before; then leave."""
    with socket.create_connection(("127.0.0.1", port), 5) as sock, sock.makefile("rb") as replies:

        def hear() -> None:
            while replies.readline()[3:4] == b"-":
                pass

        hear()
        for words in lines:
            sock.sendall(words.encode("latin-1") + b"\r\n")
            for _ in range(1 + words.count("\r\nRCPT")):
                hear()
        sock.sendall(last.encode())


def gone(server: Serving) -> Board:
    """The board when all sessions have ended."""
    while server.server.door.sessions:
        gevent.sleep(0.001)
    server.server.ticker.tick()
    return server.server.board


@dataclass
class Case:
    """What the client says, and what is counted beside the login."""

    says: Sequence[str]
    figures: Mapping[str, int]
    answers: Mapping[str, Answer] = field(default_factory=dict)  # the relay's
    settings: str = ""
    last: str = ""  # without waiting for a reply


CASES = {
    "accepted": Case([*MESSAGE, "QUIT"], {"messages{accepted}": 1, "recipients{accepted}": 1}),
    "two messages, three recipients": Case(
        [MAIL, JO, ANN, *MESSAGE[2:], *MESSAGE, "QUIT"], {"messages{accepted}": 2, "recipients{accepted}": 3}
    ),
    "by chunks": Case(
        [*ENVELOPE, f"BDAT {len(TEXT) - 2} LAST\r\n{TEXT[:-2]}"], {"messages{accepted}": 1, "recipients{accepted}": 1}
    ),
    "one recipient refused": Case(
        [MAIL, JO, ANN, *MESSAGE[2:]],
        {"messages{accepted}": 1, "recipients{accepted}": 1, "recipients{relay_5xx}": 1},
        {ANN: "550 5.1.1 Unknown"},
    ),
    "all recipients refused": Case(
        [MAIL, JO, ANN, "RSET"], {"messages{relay_4xx}": 1, "recipients{relay_4xx}": 2}, {"RCPT": "450 4.2.0 Later"}
    ),
    "all recipients refused, and DATA said": Case(
        [*ENVELOPE, "DATA"], {"messages{relay_5xx}": 1, "recipients{relay_5xx}": 1}, {"RCPT": "550 5.1.1 Unknown"}
    ),
    "no recipient that we take": Case(
        [MAIL, f"{JO} X=Y", "DATA"], {"messages{unfinished}": 1, "recipients{refused_5xx}": 1}
    ),
    "too many recipients": Case(
        [MAIL, JO, ANN, *MESSAGE[2:]],
        {"messages{accepted}": 1, "recipients{accepted}": 1, "recipients{refused_4xx}": 1},
        settings="submission_max_recipients = 1",
    ),
    "sender refused by the relay": Case([MAIL, "QUIT"], {"messages{relay_5xx}": 1}, {"MAIL": "550 5.7.1 No"}),
    "sender refused by the relay, then another": Case(
        [MAIL, MAIL, "QUIT"], {"messages{relay_4xx}": 2}, {"MAIL": "450 4.7.1 Later"}
    ),
    "sender refused by us": Case(["MAIL FROM:<me"], {"messages{refused_5xx}": 1}),
    "message refused by the relay": Case(
        MESSAGE, {"messages{relay_5xx}": 1}, {"content": "554 5.7.1 Spam", "chunk": "554 5.7.1 Spam"}
    ),
    "message put off by the relay": Case(
        MESSAGE, {"messages{relay_4xx}": 1}, {"content": "451 4.7.1 Grey", "chunk": "451 4.7.1 Grey"}
    ),
    "relay lost after the message": Case(MESSAGE, {"messages{relay_4xx}": 1}, {"content": CLOSE, "chunk": CLOSE}),
    "relay lost at RCPT": Case([*ENVELOPE, "RSET"], {"messages{relay_4xx}": 1, "recipients{relay_4xx}": 1}, {"RCPT": CLOSE}),
    "bare LF": Case([*ENVELOPE, "DATA", f"{TEXT}a\nb\r\n."], {"messages{refused_5xx}": 1}),
    "too large": Case(
        [*ENVELOPE, "DATA", f"{TEXT}{'x' * 1100}\r\n."], {"messages{refused_5xx}": 1}, settings="submission_max_mail_size = 1k"
    ),
    "too large in a chunk, then RSET": Case(
        [*ENVELOPE, f"BDAT 2000\r\n{'x' * 1998}\r\n", "RSET"],
        {"messages{refused_5xx}": 1},
        settings="submission_max_mail_size = 1k",
    ),
    "a last chunk without a recipient": Case([MAIL, f"BDAT {len(TEXT) - 2} LAST\r\n{TEXT[:-2]}"], {"messages{refused_5xx}": 1}),
    "RSET": Case([*ENVELOPE, "RSET"], {"messages{unfinished}": 1}),
    "left within DATA": Case([*ENVELOPE, "DATA"], {"messages{unfinished}": 1}, last=TEXT),
    "nothing": Case(["NOOP", "QUIT"], {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_messages_and_recipients(case: Case) -> None:
    relay = Server(answers=case.answers)
    with served(relay), serving(case.settings, relay.port) as server:
        say(server.port, *LOGIN, *case.says, last=case.last)
        assert counted(gone(server)) == {OK: 1, **case.figures}


def test_a_series_of_sessions() -> None:
    relay = Server(answers={ANN: "550 5.1.1 Unknown"})
    with served(relay), serving("", relay.port) as server:
        for _ in range(3):
            say(server.port, *LOGIN, *MESSAGE, *MESSAGE, "QUIT")
        say(server.port, EHLO, plain("wrong"), plain("wrong"), plain("secret"), *MESSAGE, "QUIT")
        say(server.port, EHLO, MAIL, "QUIT")  # nobody's message
        say(server.port, *LOGIN, MAIL, ANN, "RSET", "QUIT")
        assert counted(gone(server)) == {
            OK: 5,
            "logins{PLAIN,failed}": 2,
            "messages{accepted}": 7,
            "messages{relay_5xx}": 1,
            "recipients{accepted}": 7,
            "recipients{relay_5xx}": 1,
        }


def test_without_a_relay() -> None:
    with serving("submission_relay_host = 127.0.0.1\nsubmission_relay_port = 1") as server:
        say(server.port, *LOGIN, MAIL)
        figures = counted(gone(server))
    assert figures.pop("relay_connect_failures") >= 1
    assert figures == {OK: 1, "messages{relay_4xx}": 1}


@pytest.mark.parametrize(
    ("says", "figures"),
    [
        pytest.param(["AUTH PLAIN", "*"], {"logins{PLAIN,unfinished}": 1}, id="given up"),
        pytest.param(["AUTH PLAIN =="], {"logins{PLAIN,unfinished}": 1}, id="malformed"),
        pytest.param(["AUTH NONSENSE"], {}, id="unknown"),
        pytest.param(["AUTH LOGIN dXNlcg==", "d3Jvbmc="], {"logins{LOGIN,failed}": 1}, id="LOGIN"),
        pytest.param([plain("secret"), plain("secret")], {OK: 1}, id="once is enough"),
    ],
)
def test_logins(says: list[str], figures: dict[str, int]) -> None:
    with serving("auth_mechanisms = plain login") as server:
        say(server.port, EHLO, *says)
        found = counted(gone(server))
    found.pop("relay_connect_failures", None)
    assert found == figures


def test_logins_that_nobody_can_judge_are_temporary() -> None:
    with serving("passdb {\n driver = dovecot\n args = /nonexistent\n}") as server:
        say(server.port, EHLO, plain("wrong"))
        assert counted(gone(server))["logins{PLAIN,temporary}"] == 1


def test_too_many_connections_of_a_user_are_temporary() -> None:
    with serving("mail_max_userip_connections = 1") as server, ExitStack() as others:
        sock = others.enter_context(socket.create_connection(("127.0.0.1", server.port), 5))
        sock.sendall("".join(f"{line}\r\n" for line in LOGIN).encode())
        while gauge(server.server.board, "sessions", "idle") < 1:
            gevent.sleep(0.01)
            server.server.ticker.tick()
        say(server.port, *LOGIN)
        assert counted(server.server.board)["logins{PLAIN,temporary}"] == 1


def test_penalties() -> None:
    with serving("auth_penalty = yes") as server:
        state = server.server.service.logins.state
        say(server.port, EHLO, plain("wrong"))
        assert "login_penalties" not in counted(gone(server))
        with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
            sock.sendall(f"{EHLO}\r\n{plain('wrong')}\r\n".encode())
            while "login_penalties" not in counted(server.server.board):
                gevent.sleep(0.01)
        assert state.level("127.0.0.1") == 1


def test_sessions_connections_and_octets() -> None:
    relay = Server()
    with (
        served(relay),
        serving("", relay.port) as server,
        ExitStack() as clients,
    ):
        board = server.server.board
        for lines in ([EHLO], LOGIN, [*LOGIN, *ENVELOPE], [*LOGIN, *ENVELOPE]):
            sock = clients.enter_context(socket.create_connection(("127.0.0.1", server.port), 5))
            sock.sendall("".join(f"{line}\r\n" for line in lines).encode())
        while gauge(board, "sessions", "transaction") < 2 or gauge(board, "relay_connections", "busy") < 2:
            gevent.sleep(0.01)
            server.server.ticker.tick()
        assert gauge(board, "open_connections") == 4
        assert [gauge(board, "sessions", state) for state in ("before_login", "idle", "proxied")] == [1, 1, 0]
        assert [gauge(board, "connections_total", result) for result in ("accepted", "full", "dropped")] == [4, 0, 0]
        sent = sum(
            len(f"{line}\r\n") for lines in ([EHLO], LOGIN, [*LOGIN, *ENVELOPE], [*LOGIN, *ENVELOPE]) for line in lines
        )
        assert gauge(board, "client_received_bytes_total") == sent
        clients.close()
        gone(server)
        assert gauge(board, "client_received_bytes_total") == sent
        assert gauge(board, "client_sent_bytes_total") > 4 * 20
        assert gauge(board, "open_connections") == gauge(board, "sessions", "transaction") == 0
        assert gauge(board, "relay_connections", "busy") == 0


def test_a_connection_too_many() -> None:
    settings = "service submission-login {\n process_limit = 1\n}"
    with serving(settings) as server, socket.create_connection(("127.0.0.1", server.port), 5):
        while not server.server.door.sessions:
            gevent.sleep(0.001)
        say(server.port)
        board = server.server.board
        assert [gauge(board, "connections_total", result) for result in ("accepted", "full", "dropped")] == [1, 1, 0]


def test_a_connection_without_its_proxy_header() -> None:
    (port,) = free_ports(1)
    settings = f"haproxy_trusted_networks = 127.0.0.0/8\n{listener(port)}"
    with serving(settings) as server:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.sendall(b"EHLO c.example.org\r\n")
            with suppress(ConnectionResetError):
                assert sock.recv(100) == b""
        board = server.server.board
        assert [gauge(board, "connections_total", result) for result in ("accepted", "full", "dropped")] == [0, 0, 1]


def listener(port: int) -> str:
    return f"service submission-login {{\n inet_listener front {{\n  port = {port}\n  haproxy = yes\n }}\n}}"


def test_the_relay_is_timed() -> None:
    relay = Server()
    with served(relay), serving("", relay.port) as server:
        say(server.port, *LOGIN, *MESSAGE, *MESSAGE)
        board = gone(server)
        assert [observed(board, "relay_latency_seconds", step)[0] for step in ("connect", "envelope", "message")] == [
            1,
            4,
            2,
        ]
        assert 0 < observed(board, "relay_latency_seconds", "message")[1] < 5
        assert gauge(board, "relay_sent_bytes_total") == sum(len(mail) for mail in relay.mails)


def test_tls() -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with serving() as server:
        with socket.create_connection(("127.0.0.1", server.tls_port), 5) as sock, context.wrap_socket(sock) as tls:
            version = tls.version()
        with socket.create_connection(("127.0.0.1", server.tls_port), 5) as sock:
            sock.sendall(b"EHLO c.example.org\r\n")
            sock.recv(100)  # an alert, or the end
        figures = counted(gone(server))
    assert figures[f"tls_handshakes{{{version}}}"] == figures["failed_tls_handshakes"] == 1


def test_a_held_loop_is_seen() -> None:
    with serving() as server:
        gevent.sleep(0.15)
        times, _ = observed(server.server.board, "loop_delay_seconds")
        assert times >= 1
        gevent.get_hub().loop.run_callback(hold)
        while observed(server.server.board, "loop_delay_seconds")[1] < 0.2:
            gevent.sleep(0.01)
    assert LOOP_DELAY.bounds[-1] > 0.2


def hold() -> None:
    """Keep the loop for a while, as work that never waits does."""
    monkey.get_original("time", "sleep")(0.4)
