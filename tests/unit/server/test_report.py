"""The report of relaying, through a whole server before a relay without DSN (RFC 3461 5.2.2, DSN of docs/rules.md)."""

from __future__ import annotations

import email
import logging
import socket
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from email.message import Message

import pytest

from gsubmit.net import resolve
from gsubmit.plugins import Config, Mail, Plugin
from gsubmit.plugins.runner import Running, arranged
from gsubmit.server.wire import Closed
from gsubmit.smtp.reply import Reply
from tests.harness.serving import Serving, serving
from tests.harness.smtpserver import SILENT, Answer, Server, ehlo, in_turn, served
from tests.unit.server.sessions import NextHop, connected

LOGIN = f"AUTH PLAIN {b64encode(bytes(1) + b'user' + bytes(1) + b'secret').decode()}"
CONTENT = "Subject: x\r\nMessage-ID: <1@x>\r\n\r\ntext\r\n"
TWO = ["RCPT TO:<b@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;orig+2Bb@example.net", "RCPT TO:<c@example.net>"]


class Moving(Plugin):
    def message(self, mail: Mail) -> None:
        mail.relay = "other"


@contextmanager
def before(server: Server, settings: str = "") -> Iterator[Serving]:
    text = f"disable_plaintext_auth = no\nsubmission_relay_command_timeout = 2 secs\n{settings}"
    with served(server), serving(text, server.port) as running:
        yield running


def submit(running: Serving, *lines: str, content: str = CONTENT, heard: list[float] | None = None) -> list[str]:
    """The replies to the lines and to the message; `heard` gets the time of each."""
    with socket.create_connection(("127.0.0.1", running.port), 10) as sock, sock.makefile("rwb") as file:
        replies = []
        for line in ("", "EHLO client.example", LOGIN, *lines, "DATA", f"{content}.", "QUIT"):
            if line:
                file.write(f"{line}\r\n".encode())
                file.flush()
            while (reply := file.readline().decode())[3:4] == "-":
                pass
            replies.append(reply.rstrip())
            if heard is not None:
                heard.append(time.monotonic())
        return replies[3:-1]


def report(mail: bytes) -> tuple[Message, list[Message]]:
    """The report, and the groups of fields in its second part."""
    message = email.message_from_bytes(mail)
    assert message.get_content_type() == "multipart/report"
    status = message.get_payload()[1].get_payload()  # type: ignore[index, union-attr]
    return message, list(status)


def test_report() -> None:
    server = Server({"EHLO": ehlo("PIPELINING", "8BITMIME")})
    with before(server) as running:
        replies = submit(running, "MAIL FROM:<a@example.org> ENVID=e+2B1 RET=HDRS", *TWO)
    assert replies[-1] == "250 2.0.0 Queued"
    lines = [line for line in server.talks[0].lines if line[:5] in ("MAIL ", "RCPT ")]
    assert lines == [
        "MAIL FROM:<a@example.org> BODY=8BITMIME", "RCPT TO:<b@example.net>", "RCPT TO:<c@example.net>",
        "MAIL FROM:<> BODY=8BITMIME", "RCPT TO:<a@example.org>",
    ]  # fmt: skip
    message, (about, *recipients) = report(server.mails[1])
    assert message["To"] == "a@example.org"
    assert about["Original-Envelope-Id"] == "e+1"
    assert about["Reporting-MTA"] == "dns; msa.example.org"
    assert [one["Final-Recipient"] for one in recipients] == ["rfc822;b@example.net"]
    assert recipients[0]["Original-Recipient"] == "rfc822;orig+b@example.net"
    assert recipients[0]["Action"] == "relayed"
    assert "<1@x>" in str(message.get_payload()[2])  # type: ignore[index]
    assert "report of relaying" in running.log_text


@pytest.mark.parametrize(
    ("keywords", "mail", "recipients"),
    [
        pytest.param(["DSN"], "<a@example.org>", TWO, id="the relay has DSN"),
        pytest.param([], "<>", TWO, id="RFC 3461 5.2.2 null reverse-path"),
        pytest.param([], "<a@example.org>", ["RCPT TO:<b@example.net>"], id="not asked for"),
        pytest.param([], "<a@example.org>", ["RCPT TO:<b@example.net> NOTIFY=NEVER"], id="NEVER"),
        pytest.param([], "<a@example.org>", ["RCPT TO:<b@example.net> NOTIFY=FAILURE,DELAY"], id="FAILURE"),
    ],
)
def test_no_report(keywords: Sequence[str], mail: str, recipients: list[str]) -> None:
    server = Server({"EHLO": ehlo("PIPELINING", *keywords)})
    with before(server) as running:
        assert submit(running, f"MAIL FROM:{mail}", *recipients)[-1] == "250 2.0.0 Queued"
    assert len(server.mails) == 1


def test_only_those_that_the_relay_took() -> None:
    server = Server(
        {"EHLO": ehlo("PIPELINING"), "RCPT": lambda line: "550 5.1.1 No" if "bad" in line else "250 2.1.5 Yes"}
    )
    with before(server) as running:
        names = ("bad1", "b", "bad2", "c")
        submit(running, "MAIL FROM:<a@x>", *(f"RCPT TO:<{name}@example.net> NOTIFY=SUCCESS" for name in names))
    _, (_, *recipients) = report(server.mails[1])
    assert [one["Final-Recipient"] for one in recipients] == ["rfc822;b@example.net", "rfc822;c@example.net"]


def test_refused_message_has_no_report() -> None:
    server = Server({"EHLO": ehlo("PIPELINING"), "content": "554 5.7.1 Spam"})
    with before(server) as running:
        assert submit(running, "MAIL FROM:<a@x>", *TWO)[-1] == "554 5.7.1 Spam"
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(
            {
                "MAIL": in_turn("250 Yes", "550 5.7.1 No bounces"),
                "RCPT": in_turn("250 Yes", "250 Yes", "503 5.5.1 MAIL first"),
            },
            id="MAIL refused",
        ),
        pytest.param({"RCPT": in_turn("250 Yes", "250 Yes", "550 5.1.1 No")}, id="RCPT refused"),
        pytest.param({"DATA": in_turn("354 Go on", "554 No")}, id="DATA refused"),
        pytest.param({"content": in_turn("250 2.0.0 Queued", "554 5.7.1 Spam")}, id="refused"),
    ],
)
def test_a_report_that_is_refused(answers: dict[str, Answer]) -> None:
    """It changes nothing for the client, and the log says it."""
    server = Server({"EHLO": ehlo("PIPELINING")} | answers)
    with before(server) as running:
        assert submit(running, "MAIL FROM:<a@x>", *TWO)[-1].startswith("250 ")
        assert "report of relaying" in running.log_text
        (line,) = [line for line in running.log_text.splitlines() if "report of relaying" in line]
    assert " 55" in line, line


@pytest.mark.slow
def test_the_client_does_not_wait_for_the_report() -> None:
    """RFC 1047: a client that hears nothing for too long sends the message again."""
    server = Server({"EHLO": ehlo("PIPELINING"), "MAIL": in_turn("250 2.1.0 Yes", SILENT)})
    with before(server) as running:
        heard: list[float] = []
        assert submit(running, "MAIL FROM:<a@x>", *TWO, heard=heard)[-1] == "250 2.0.0 Queued"
        assert heard[-1] - heard[-2] > 1.5  # QUIT waits for the report, or for our timeout
        assert heard[-2] - heard[-3] < 1.0


def test_a_trusting_relay_is_told_whose_report_it_is() -> None:
    """Of a client without address and login it would take mail for nobody but its own users."""
    server = Server({"EHLO": ehlo("PIPELINING", "XCLIENT ADDR PORT PROTO HELO LOGIN")})
    with before(server, "submission_relay_trusted = yes") as running:
        submit(running, "MAIL FROM:<a@example.org>", *TWO)
    assert len(server.mails) == 2
    told = [line for talk in server.talks for line in talk.lines if line.startswith("XCLIENT")]
    assert told and not any("ADDR=[UNAVAILABLE]" in line for line in told)


def test_the_relay_that_has_the_message_gets_the_report() -> None:
    other = NextHop()
    with connected("submission_relay other {\nhost = other.example.net\n}") as client:
        moving = arranged([Running("moving", Moving(Config.of()))])
        client.session.service = replace(client.session.service, relays={"other": other}, plugins=moving)
        client.log_in()
        client.say("EHLO c", "MAIL FROM:<a@x>", "RCPT TO:<b@x> NOTIFY=SUCCESS")
        other.owe_reports = True
        assert client.reply("BDAT 3 LAST", b"a\r\n").code == 250
        assert len(client.next_hop.deliveries) == 1
        _, (_, about) = report(other.deliveries[1].messages[0][1])
        assert about["Remote-MTA"] == "dns; other.example.net"


def test_utf8() -> None:
    """RFC 6533."""
    server = Server({"EHLO": ehlo("PIPELINING", "8BITMIME", "SMTPUTF8")})
    with before(server) as running:
        submit(running, "MAIL FROM:<é@example.org> SMTPUTF8", "RCPT TO:<ü@example.net> NOTIFY=SUCCESS")
    assert "MAIL FROM:<> BODY=8BITMIME SMTPUTF8" in server.talks[0].lines
    assert "RCPT TO:<é@example.org>" in server.talks[0].lines
    assert b"report-type=global-delivery-status" in server.mails[1]


def test_the_relay_may_be_given_as_a_path_or_an_address() -> None:
    assert resolve.addresses_of("127.0.0.1") == ["127.0.0.1"]
    with connected("submission_relay_host = unix:/run/mx") as client:
        client.log_in()
        client.say("EHLO c", "MAIL FROM:<a@x>", "RCPT TO:<b@x> NOTIFY=SUCCESS")
        client.delivery.owes_reports = True
        assert client.reply("BDAT 3 LAST", b"a\r\n").code == 250
        _, (_, about) = report(client.delivery.messages[0][1])
        assert about["Remote-MTA"].split(";")[0] == "x-local-hostname"


def test_no_room_for_the_report(caplog: pytest.LogCaptureFixture) -> None:
    """The message was relayed, and that is what the client hears; what goes wrong with the report is logged."""
    caplog.set_level(logging.INFO)
    content = b"X: " + b"\xc3\xa9" * 30000 + b"\r\n\r\ntext\r\n"  # in quoted-printable more than memory takes
    with connected("mail_temp_dir = /nowhere") as client:
        client.log_in()
        client.say("EHLO c", "MAIL FROM:<a@x> BODY=8BITMIME", "RCPT TO:<b@x> NOTIFY=SUCCESS")
        client.delivery.owes_reports = True
        reply = client.reply(f"BDAT {len(content)} LAST", content)
        assert reply == Reply(250, "2.0.0", "Stored")


def test_a_client_that_has_gone_gets_its_report() -> None:
    with connected() as client:
        client.log_in()
        client.say("EHLO c", "MAIL FROM:<a@x>", "RCPT TO:<b@x> NOTIFY=SUCCESS")
        delivery = client.delivery
        delivery.owes_reports = True
        delivery.at_send = client.sock.close
        with pytest.raises(Closed):
            client.reply("BDAT 3 LAST", b"a\r\n")
        assert client.delivery is not delivery
        assert report(client.delivery.messages[0][1])
