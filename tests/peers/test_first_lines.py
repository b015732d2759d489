"""Content whose first line is no field: through gsubmit it arrives as Postfix takes it directly (RCV-7)."""

from __future__ import annotations

import re
import smtplib

import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_message import RECIPIENT, SENDER
from tests.harness.peer_postfix import Postfix

FIELDS = "From: <sender@example.org>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n"
CONTENT = [
    pytest.param("From root Mon Jan  1 00:00:00 2024\r\n" + FIELDS, id="a line of a mailbox"),
    pytest.param(">From root Mon Jan  1 00:00:00 2024\r\n" + FIELDS, id="a quoted one"),
    pytest.param("From a Mon\r\n>From b Tue\r\n" + FIELDS, id="two"),
    pytest.param("From a Mon\r\n indented\r\n" + FIELDS, id="one before a folded line"),
    pytest.param("    total 12\r\n    drwxr-xr-x root\r\n", id="indented text"),
    pytest.param("\ttotal 12\r\n\r\ntext\r\n", id="a tab"),
    pytest.param(" for <x@example.org>; by forged\r\n" + FIELDS, id="a clause of ours"),
    pytest.param(": x\r\n" + FIELDS, id="a colon"),
    pytest.param("no field\r\n" + FIELDS, id="no field"),
    pytest.param("to whom: it may concern\r\n" + FIELDS, id="a space in the name"),
    pytest.param("\r\n" + FIELDS, id="no header"),
    pytest.param(FIELDS, id="a good one"),
]


@pytest.mark.parametrize("adds", [True, False], ids=["with Received", "without"])
def test_arrives_as_sent_directly(relay_postfix: Postfix, adds: bool) -> None:
    settings = "" if adds else "submission_add_received_header = no\n"
    with gsubmit(relay_postfix.port, settings) as server, Client(server) as client, _postfix(relay_postfix) as direct:
        for case in CONTENT:
            (content,) = case.values
            assert isinstance(content, str)
            direct.sendmail(SENDER, RECIPIENT, content)
            directly = _without_trace(relay_postfix.next_message(), 1)
            assert client.submit(content.encode())[0] == 250
            through = _without_trace(relay_postfix.next_message(), 2 if adds else 1)
            assert through == directly, case.id


def _postfix(relay: Postfix) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", relay.port)


def _without_trace(stored: bytes, hops: int) -> bytes:
    """The message without what servers have put in front, and without the fields that Postfix adds for local clients."""
    rest = re.sub(rb"\A" + rb"(Return-Path|X-Original-To|Delivered-To): .*\n" * 3, b"", stored)
    trace = re.compile(rb"Received: .*\n(?:[ \t].*\n)*")
    for _ in range(hops):
        found = trace.match(rest)
        assert found is not None
        assert found[0].count(b"\n") <= 5
        rest = rest[found.end() :]
    return re.sub(rb"^(Message-Id: <\d+\.\w+@relay|Date: (?!Sun, 22 Nov)).*\n", b"", rest, flags=re.MULTILINE)
