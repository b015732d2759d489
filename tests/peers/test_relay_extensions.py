"""A Postfix with and without each of its extensions: what clients get does not depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from tests.harness.peer_bdat import Client
from tests.harness.peer_gsubmit import gsubmit
from tests.harness.peer_message import RECIPIENT, SENDER, assert_arrived, small_message
from tests.harness.peer_mime import BINARY, TEXT, binary_message, decoded_parts, eight_bit_message, encodings
from tests.harness.peer_postfix import Postfix, postfix

EXTENSIONS = ("8bitmime", "chunking", "dsn", "enhancedstatuscodes", "pipelining", "size", "smtputf8")
SERVERS = {name: {"smtpd_discard_ehlo_keywords": name} for name in EXTENSIONS}
SERVERS["everything"] = {"smtpd_discard_ehlo_keywords": ", ".join(EXTENSIONS)}
UTF8_HEADER = """\
From: Jürgen <jürgen@example.org>
To: <grün@example.org>
Subject: Größe
Date: Sun, 22 Nov 2026 10:00:00 +0000
Message-ID: <grün@example.org>

""".replace("\n", "\r\n").encode()
ALWAYS = ("8bitmime", "binarymime", "chunking", "dsn", "enhancedstatuscodes", "pipelining", "size")


@pytest.fixture(scope="module")
def relay() -> Iterator[Postfix]:
    with postfix(SERVERS) as running:
        yield running


@pytest.fixture(autouse=True)
def empty_mailboxes(relay: Postfix) -> None:
    relay.empty()


def _port(relay: Postfix, lacking: str) -> int:
    return relay.ports[lacking] if lacking else relay.port


@pytest.mark.parametrize("lacking", ["", *SERVERS])
def test_clients_see_the_same_server(relay: Postfix, lacking: str) -> None:
    """And their commands work, pipelined, with parameters, by DATA and BDAT."""
    with gsubmit(_port(relay, lacking)) as server, Client(server) as client:
        client.ehlo()
        assert [name for name in ALWAYS if not client.has_extn(name)] == []
        assert client.has_extn("smtputf8") == (lacking in ("", *EXTENSIONS) and lacking not in ("smtputf8", "8bitmime"))
        message = small_message(f"same-{lacking}", 3000)
        envelope = f"MAIL FROM:<{SENDER}> SIZE={len(message)} BODY=8BITMIME RET=HDRS ENVID=x\r\n".encode()
        envelope += f"RCPT TO:<{RECIPIENT}> NOTIFY=NEVER\r\n".encode()
        assert client.sock is not None
        client.sock.sendall(envelope + b"BDAT %d LAST\r\n" % len(message) + message)
        replies = [client.getreply() for _ in range(3)]
        assert [(code, text[:6]) for code, text in replies] == [(250, b"2.1.0 "), (250, b"2.1.5 "), (250, b"2.0.0 ")]
        assert_arrived(relay.next_message(), message)
        client.sock.sendall(envelope + b"RCPT TO:<nobody@elsewhere.example>\r\nDATA\r\n")
        assert [client.getreply()[0] for _ in range(4)] == [250, 250, 554, 354]
        client.sock.sendall(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        assert client.getreply()[0] == 250
        assert_arrived(relay.next_message(), message)


def _submit(client: Client, mail: str, message: bytes, rcpt: str = f"<{RECIPIENT}>") -> tuple[int, bytes]:
    assert client.docmd("MAIL", f"FROM:<{SENDER}> {mail}")[0] == 250
    assert client.docmd("RCPT", f"TO:{rcpt}")[0] == 250
    assert client.sock is not None
    client.sock.sendall(b"BDAT %d LAST\r\n" % len(message) + message)
    return client.getreply()


@pytest.mark.parametrize("lacking", ["", "8bitmime", "everything"])
@pytest.mark.parametrize("body", ["8BITMIME", "BINARYMIME"])
def test_what_the_relay_cannot_take_arrives_converted(relay: Postfix, lacking: str, body: str) -> None:
    token = f"{body}-{lacking}"
    message = binary_message(token) if body == "BINARYMIME" else eight_bit_message(token)
    with gsubmit(_port(relay, lacking)) as server, Client(server) as client:
        assert _submit(client, f"BODY={body}", message)[0] == 250, server.log
        stored = relay.next_message()
    text, attachment = decoded_parts(stored)
    assert text == TEXT
    is_whole = attachment == BINARY  # not in the assertion: it would print all of it
    assert is_whole
    if lacking:
        assert stored.isascii()
        assert not {"8bit", "binary"} & set(encodings(stored))
    elif body == "8BITMIME":
        assert_arrived(stored, message)
    else:
        assert "binary" not in encodings(stored)


@pytest.mark.parametrize("kind", ['multipart/signed; protocol="application/pgp-signature"', "multipart/encrypted"])
def test_what_must_not_be_converted_is_refused(relay: Postfix, kind: str) -> None:
    with gsubmit(relay.ports["8bitmime"]) as server, Client(server) as client:
        code, text = _submit(client, "BODY=8BITMIME", eight_bit_message("signed", kind))
        assert (code, text[:6]) == (554, b"5.6.3 ")
        assert client.submit(small_message("afterwards"))[0] == 250
        assert b"<afterwards@" in relay.next_message()
    with gsubmit(relay.port) as server, Client(server) as client:
        message = eight_bit_message("signed", kind)
        assert _submit(client, "BODY=8BITMIME", message)[0] == 250
        assert_arrived(relay.next_message(), message)


@pytest.mark.parametrize(("lacking", "action"), [("", "delivered"), ("dsn", "relayed"), ("everything", "relayed")])
def test_the_sender_gets_the_report_that_was_asked_for(relay: Postfix, lacking: str, action: str) -> None:
    with gsubmit(_port(relay, lacking)) as server, Client(server) as client:
        message = small_message(f"report-{lacking}")
        rcpt = f"<{RECIPIENT}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;was+2B@example.org"
        assert _submit(client, "RET=HDRS ENVID=QQ314159", message, rcpt)[0] == 250
        assert_arrived(relay.next_message(), message)
        report = message_from_bytes(relay.next_message("sender"), policy=policy.default)
        assert report.get_content_type() == "multipart/report"
        assert report["Return-Path"] == "<>"
        _, status, original = report.iter_parts()
        assert isinstance(status, EmailMessage)
        per_message, per_recipient = status.iter_parts()
        assert per_message["Original-Envelope-Id"] == "QQ314159"
        assert per_recipient["Action"] == action
        assert per_recipient["Original-Recipient"] == "rfc822;was+@example.org"  # xtext no more
        assert per_recipient["Final-Recipient"].replace(" ", "") == f"rfc822;{RECIPIENT}"
        assert per_recipient["Status"].startswith("2.")
        assert f"report-{lacking}@example.org" in str(original)


@pytest.mark.parametrize("notify", ["", " NOTIFY=NEVER", " NOTIFY=FAILURE,DELAY"])
def test_no_report_that_was_not_asked_for(relay: Postfix, notify: str) -> None:
    seen = len(relay.log)
    with gsubmit(relay.ports["dsn"]) as server, Client(server) as client:
        for number in range(2):
            assert _submit(client, "", small_message(f"quiet-{number}"), f"<{RECIPIENT}>{notify}")[0] == 250
            relay.next_message()
        assert "report" not in server.log
    assert "from=<>" not in relay.log[seen:]


def test_non_ascii_addresses_go_to_a_relay_that_takes_them(relay: Postfix) -> None:
    message = UTF8_HEADER + "ü\r\n".encode()
    with gsubmit(relay.port) as server, Client(server) as client:
        client.ehlo()
        client.command_encoding = "utf-8"
        assert client.docmd("MAIL", "FROM:<jürgen@example.org> SMTPUTF8 BODY=8BITMIME")[0] == 250
        assert client.docmd("RCPT", "TO:<grün@example.org>")[0] == 250
        assert client.data(message)[0] == 250
        stored = relay.next_message()
    assert stored.endswith(message.replace(b"\r\n", b"\n"))
    assert "Delivered-To: grün@example.org".encode() in stored


def test_non_ascii_addresses_are_refused_before_any_data_when_the_relay_lacks_smtputf8(relay: Postfix) -> None:
    with gsubmit(relay.ports["smtputf8"]) as server, Client(server) as client:
        client.command_encoding = "utf-8"
        client.ehlo()
        assert not client.has_extn("smtputf8")
        code, text = client.docmd("MAIL", "FROM:<jürgen@example.org> BODY=8BITMIME")
        assert (code, text[:6]) == (550, b"5.6.7 ")
        assert client.docmd("MAIL", f"FROM:<{SENDER}> BODY=8BITMIME")[0] == 250
        code, text = client.docmd("RCPT", "TO:<grün@example.org>")
        assert (code, text[:6]) == (553, b"5.6.7 ")
        assert client.docmd("RCPT", f"TO:<{RECIPIENT}>")[0] == 250
        assert client.data(small_message("ascii"))[0] == 250
        assert b"<ascii@" in relay.next_message()


@pytest.mark.parametrize("lacking", ["smtputf8", "everything"])
def test_smtputf8_that_a_message_does_not_need_is_dropped(relay: Postfix, lacking: str) -> None:
    """Announced because we were told so, or because the relay had it before it was restarted."""
    settings = "submission_backend_capabilities = smtputf8 8bitmime"
    with gsubmit(relay.ports[lacking], settings) as server, Client(server) as client:
        client.command_encoding = "utf-8"
        parameters = "SMTPUTF8 BODY=8BITMIME"
        assert _submit(client, parameters, small_message("needless"))[0] == 250
        assert b"<needless@" in relay.next_message()
        code, text = client.docmd("MAIL", f"FROM:<jürgen@example.org> {parameters}")
        assert (code, text[:6]) == (550, b"5.6.7 ")
        code, text = _submit(client, parameters, UTF8_HEADER + b"x\r\n")
        assert (code, text[:6]) == (554, b"5.6.9 ")
