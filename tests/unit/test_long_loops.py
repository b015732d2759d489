"""Every loop whose length somebody outside decides rests for each piece: with a turn of no length, the loop of gevent is
seen to look at sockets once for each of them or nearly."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import gevent
import pytest

from gsubmit import fairness
from gsubmit.message.beginning import well_begun
from gsubmit.message.body import BLOCK, MessageBody
from gsubmit.message.draft import Draft
from gsubmit.message.encode import eight_bit, headers_need_smtputf8, seven_bit
from gsubmit.message.fault import CannotConvert
from gsubmit.message.fields import Field
from gsubmit.message.mailboxes import mailboxes
from gsubmit.message.report import Relayed, relayed_report
from gsubmit.scripts.mail import DraftMail
from gsubmit.server.wire import Closed, LineTooLong, Wire
from gsubmit.smtp.address import Address
from gsubmit.smtp.reply import Reply

PIECES = 2000
MULTIPART = b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'


def conversion(message: bytes, convert: Callable[[MessageBody, str], object] = seven_bit) -> Callable[[Path], None]:
    def run(directory: Path) -> None:
        body = MessageBody(str(directory))
        body.append(message)
        with suppress(CannotConvert):
            converted = convert(body, str(directory))
            if isinstance(converted, MessageBody):
                converted.close()
        body.close()

    return run


def is_utf8(body: MessageBody, _: str) -> bool:
    return headers_need_smtputf8(body)


def mailboxes_of(value: bytes) -> Callable[[Path], None]:
    def run(_: Path) -> None:
        mailboxes(Field(b"from", b"From: " + value + b"\r\n"))

    return run


def text_of(message: bytes) -> Callable[[Path], None]:
    def run(directory: Path) -> None:
        body = MessageBody(str(directory))
        body.append(message)
        mail = DraftMail(Draft(body))
        assert all(field.text for field in mail.fields)
        mail.text(1 << 20)
        body.close()

    return run


def beginning(body: MessageBody, _: str) -> MessageBody:
    return well_begun(body)


def input_of(octets: bytes, read: Callable[[Wire], object]) -> Callable[[Path], None]:
    def run(_: Path) -> None:
        ours, client = socket.socketpair()
        client.setblocking(True)

        def send() -> None:
            with client:
                client.sendall(octets)

        sender = gevent.spawn(send)
        wire = Wire(ours, 5)
        with suppress(Closed, LineTooLong):
            while True:
                read(wire)
        sender.join()
        wire.close()

    return run


def report(_: Path) -> None:
    recipients = [Relayed(Address(f"r{number}", "example.org"), None, Reply(250, "", "OK")) for number in range(PIECES)]
    relayed_report(
        "msa", "relay", Address("a", "example.org"), envid=None, arrival=0.0, recipients=recipients, original_head=b""
    )


FIELDS = b"".join(b"X-%d: y\r\n" % number for number in range(PIECES))
LONG_LINE = b"y" * (4096 * PIECES // 10)


@pytest.mark.parametrize(
    ("work", "pieces"),
    [
        pytest.param(input_of(b"NOOP\r\n" * PIECES, Wire.read_line), PIECES, id="lines"),
        pytest.param(input_of(LONG_LINE, Wire.read_line), PIECES // 20, id="a line without end"),
        pytest.param(input_of(LONG_LINE, lambda wire: wire.read_block(100)), len(LONG_LINE) // 100, id="small blocks"),
        pytest.param(conversion(FIELDS + b"\r\n\xe4\r\n"), PIECES, id="fields"),
        pytest.param(conversion(b"X: \xc3\xa4" + b" y" * PIECES + b"\r\n\r\n\r\n"), PIECES, id="words of a field"),
        pytest.param(conversion(b"X: " + b"\xc3\xa4" * PIECES + b"\r\n\r\n\r\n"), PIECES // 40, id="a long word"),
        pytest.param(conversion(b"To: \xc3\xa4" + b"<a@b>,c" * PIECES + b"\r\n\r\n\r\n"), PIECES, id="addresses"),
        *[
            pytest.param(conversion(octets + b"\r\n\r\n\r\n"), PIECES, id=name)
            for name, octets in {
                "pieces of a field": b"References: (\xc3\xa4)" + b"<a@b>" * PIECES,
                "phrases": b"Keywords: \xc3\xa4" + b",c" * PIECES,
                "words of a name": b"To: \xc3\xa4" + b" c" * PIECES + b" <a@b>",
                "quoted pairs": b'To: "\xc3\xa4' + b"\\c" * PIECES + b'" <a@b>',
                "encoded-words": b"Subject: \xc3\xa4" + b"=?a?q?b?=" * PIECES,
                "parameters": b"Content-Disposition: a; b=\xc3\xa4" + b";c=d" * PIECES,
                "a long parameter": b"Content-Disposition: a; b=" + b"\xc3\xa4" * PIECES,
                "a parameter that is encoded in part": b"Content-Disposition: a; b*=" + b"\xc3\xa4" * PIECES,
                "quoted pairs of a parameter": b'Content-Disposition: a; b="\xc3\xa4' + b"\\c" * PIECES + b'"',
                "parameters of a multipart": b"X: \xc3\xa4\r\nContent-Type: multipart/mixed" + b";c=d" * PIECES,
            }.items()
        ],
        pytest.param(conversion(b"From a\r\n" * PIECES + b"A: b\r\n", beginning), PIECES, id="lines of a mailbox file"),
        pytest.param(conversion(MULTIPART + b"\r\n--" * PIECES + b"\xe4\r\n"), PIECES, id="what may be delimiters"),
        pytest.param(conversion(MULTIPART + b"\r\n--" * PIECES + b"\xe4\r\n", eight_bit), PIECES, id="as 8bit"),
        pytest.param(conversion(MULTIPART + b"\r\n--" * PIECES + b"\xe4\r\n", is_utf8), PIECES, id="a look at headers"),
        pytest.param(conversion(MULTIPART + b"--b\r\n\r\n\r\n" * 900 + b"\xe4\r\n"), 900, id="parts"),
        pytest.param(text_of(b"Subject:" + b" =?a?q?b?=" * PIECES + b"\r\n\r\n"), PIECES, id="encoded-words of a text"),
        pytest.param(text_of(MULTIPART + b"--b\r\n\r\n\r\n" * 900), 900, id="parts for a script"),
        pytest.param(text_of(b"A: b\r\n\r\n" + b"\xc3\xa4" * (20 * BLOCK)), 16 * 2, id="text for a script"),
        pytest.param(
            text_of(b"Content-Type: text/plain" + b";c=d" * PIECES + b"\r\n\r\n"), PIECES, id="parameters for a script"
        ),
        pytest.param(report, PIECES, id="recipients of a report"),
        pytest.param(mailboxes_of(b"a@b," * PIECES), PIECES, id="mailboxes"),
        pytest.param(mailboxes_of(b"a@b (" + b"(x)" * PIECES + b")"), PIECES, id="nested comments"),
        pytest.param(mailboxes_of(b"=?a?q?b?= " * PIECES + b"<a@b>"), 2 * PIECES, id="encoded-words of a mailbox"),
    ],
)
def test_each_piece_lets_others_run(
    work: Callable[[Path], None], pieces: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fairness, "TURN", 0.0)
    monkeypatch.setattr(fairness, "LEAST_TURN", 0.0)
    loop = gevent.get_hub().loop
    before = loop.iteration
    work(tmp_path)
    assert loop.iteration - before >= pieces * 0.9
