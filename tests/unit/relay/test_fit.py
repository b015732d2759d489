"""The content as the relay can take it: each kind of content before each kind of relay."""

from __future__ import annotations

import email
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gsubmit.message.body import MEMORY_LIMIT, MessageBody
from gsubmit.message.content import Content
from gsubmit.relay import fit as relay_fit
from gsubmit.smtp.capabilities import NOTHING, Capabilities
from gsubmit.smtp.params import MailParams
from gsubmit.smtp.replies import CANNOT_CONVERT, UTF8_HEADER
from gsubmit.smtp.reply import Refused, Reply

ASCII = b"Subject: x\r\n\r\ntext\r\n"
EIGHT_BIT = (
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b"caf\xc3\xa9\r\n"
)
BINARY = (
    b"MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    b"\0\n\r\xff"
)
ASCII_BINARY = BINARY.replace(b"\xff", b"x")
UTF8_HEADERS = b"Subject: caf\xc3\xa9\r\n\r\ntext\r\n"
SIGNED = (
    b'MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary="b"\r\n\r\n--b\r\n' + EIGHT_BIT + b"\r\n--b\r\n"
    b"Content-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"
)
SIGNED_STAYS = Reply(
    CANNOT_CONVERT.code,
    CANNOT_CONVERT.status,
    f"{CANNOT_CONVERT.text}: part 1 (text/plain, 8bit) within the message (multipart/signed) must not change",
)

NONE = NOTHING
CHUNKS = Capabilities.from_lines(["CHUNKING", "BINARYMIME"])
EIGHT = Capabilities.from_lines(["8BITMIME"])
NO_CHUNKS = Capabilities.from_lines(["8BITMIME", "BINARYMIME"])
ALL = Capabilities.from_lines(["8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8"])

SEVEN = MailParams()
AS_8BIT = MailParams(body="8BITMIME")
AS_BINARY = MailParams(body="BINARYMIME")
AS_UTF8 = MailParams(body="8BITMIME", smtputf8=True)


@contextmanager
def fitting(source: MessageBody, params: MailParams, relay: Capabilities, label: str = "") -> Iterator[Content]:
    """What fits, closed as its user has to."""
    fit = relay_fit.fitting(source, params, relay, label)
    try:
        yield fit
    finally:
        if fit is not source:
            fit.close()


@contextmanager
def body(folder: Path, content: bytes) -> Iterator[MessageBody]:
    made = MessageBody(str(folder))
    made.append(content)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize(
    ("content", "params", "relay"),
    [
        pytest.param(ASCII, SEVEN, NONE, id="ASCII anywhere"),
        pytest.param(ASCII, SEVEN, ALL, id="ASCII to a relay with everything"),
        pytest.param(ASCII, AS_8BIT, NONE, id="EBM-4 declared 8-bit, but is none"),
        pytest.param(EIGHT_BIT, AS_8BIT, EIGHT, id="8-bit to 8BITMIME"),
        pytest.param(EIGHT_BIT, SEVEN, EIGHT, id="EBM-6 8-bit that was not declared"),
        pytest.param(BINARY, AS_BINARY, ALL, id="BDT-18 byte for byte"),
        pytest.param(UTF8_HEADERS, AS_8BIT, EIGHT, id="headers that are 8-bit without SMTPUTF8"),
        pytest.param(UTF8_HEADERS, AS_UTF8, ALL, id="EAI-10 SMTPUTF8"),
        pytest.param(EIGHT_BIT, AS_UTF8, EIGHT, id="EAI-13 SMTPUTF8 that is not needed"),
        pytest.param(SIGNED, AS_8BIT, EIGHT, id="DWN-7 signed, and nothing to convert"),
    ],
)
def test_as_it_is(tmp_path: Path, content: bytes, params: MailParams, relay: Capabilities) -> None:
    with body(tmp_path, content) as source, fitting(source, params, relay) as fit:
        assert fit is source


@pytest.mark.parametrize(
    ("content", "params", "relay", "becomes_ascii"),
    [
        pytest.param(EIGHT_BIT, AS_8BIT, NONE, True, id="EBM-4 8-bit to 7-bit"),
        pytest.param(EIGHT_BIT, SEVEN, NONE, True, id="EBM-4 8-bit that was not declared"),
        pytest.param(EIGHT_BIT, AS_8BIT, CHUNKS, True, id="BINARYMIME without 8BITMIME is for binary only"),
        pytest.param(BINARY, AS_BINARY, NONE, True, id="BDT-18 binary to 7-bit"),
        pytest.param(BINARY, AS_BINARY, EIGHT, True, id="BDT-18 binary to 8-bit"),
        pytest.param(BINARY, AS_BINARY, NO_CHUNKS, True, id="BDT-17 BINARYMIME without CHUNKING"),
        pytest.param(BINARY, AS_BINARY, CHUNKS, True, id="BDT-18 no BODY= without 8BITMIME"),
        pytest.param(ASCII_BINARY, AS_BINARY, NONE, True, id="BDT-18 binary in ASCII"),
        pytest.param(EIGHT_BIT, AS_BINARY, EIGHT, False, id="BDT-18 declared binary, is 8-bit"),
        pytest.param(EIGHT_BIT, AS_UTF8, NONE, True, id="EAI-13 SMTPUTF8 that is not needed, to 7-bit"),
        pytest.param(UTF8_HEADERS, AS_8BIT, NONE, True, id="DWN-9 headers that are 8-bit without SMTPUTF8"),
    ],
)
def test_converted(
    tmp_path: Path, content: bytes, params: MailParams, relay: Capabilities, becomes_ascii: bool
) -> None:
    with body(tmp_path, content) as source:
        with fitting(source, params, relay) as fit:
            assert fit is not source
            octets = b"".join(fit.blocks())
            assert fit.size == len(octets)
        assert b"".join(source.blocks()) == content
    assert octets.isascii() is becomes_ascii
    assert b"\0" not in octets and b"\n" not in octets.replace(b"\r\n", b"")
    assert email.message_from_bytes(octets).get_payload(decode=True) == email.message_from_bytes(content).get_payload(
        decode=True
    )


@pytest.mark.parametrize(
    ("content", "params", "relay", "reply"),
    [
        pytest.param(SIGNED, AS_8BIT, NONE, SIGNED_STAYS, id="DWN-7 signed"),
        pytest.param(UTF8_HEADERS, AS_UTF8, EIGHT, UTF8_HEADER, id="EAI-13 headers that need SMTPUTF8"),
        pytest.param(UTF8_HEADERS, AS_UTF8, NONE, UTF8_HEADER, id="EAI-13 before any conversion"),
    ],
)
def test_refused(tmp_path: Path, content: bytes, params: MailParams, relay: Capabilities, reply: object) -> None:
    with body(tmp_path, content) as source, pytest.raises(Refused) as refused, fitting(source, params, relay):
        pytest.fail("it does not fit")
    assert refused.value.reply == reply


def test_no_room(tmp_path: Path) -> None:
    """The copy outgrows memory although the message did not."""
    content = EIGHT_BIT + b"caf\xc3\xa9\r\n" * (MEMORY_LIMIT // 9)
    with body(tmp_path / "gone", content) as source, pytest.raises(OSError), fitting(source, AS_8BIT, NONE):
        pytest.fail("there is no room")


@pytest.mark.parametrize(
    ("fields", "relay", "named"),
    [
        pytest.param(b"DKIM-Signature: v=1", NONE, "DKIM-Signature", id="RFC 6376"),
        pytest.param(b"A: b\r\ndkim-signature : v=1", NONE, "dkim-signature", id="a field further down"),
        pytest.param(b"ARC-Message-Signature: i=1", NONE, "ARC-Message-Signature", id="RFC 8617"),
        pytest.param(b"DomainKey-Signature: a=1", NONE, "DomainKey-Signature", id="RFC 4870"),
        pytest.param(b"DKIM-Signature: v=1", EIGHT, "", id="nothing is converted"),
        pytest.param(b"X-DKIM-Signature: v=1\r\n DKIM-Signature: x", NONE, "", id="no signature"),
    ],
)
def test_a_signature_that_conversion_breaks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fields: bytes, relay: Capabilities, named: str
) -> None:
    """RFC 6376 5.3: the operator hears why a receiver finds the signature broken."""
    caplog.set_level(logging.INFO)
    with body(tmp_path, fields + b"\r\n" + EIGHT_BIT) as source, fitting(source, AS_8BIT, relay, "user") as fit:
        assert (fit is source) is (relay is EIGHT)
    warned = [(record.levelname, vars(record)["prefix"]) for record in caplog.records]
    assert warned == ([("WARNING", "user")] if named else [])
    assert named in caplog.text


def test_a_reason_fits_a_reply(tmp_path: Path) -> None:
    """Whatever the message holds, it is printable ASCII, and short."""
    name = b"x" * 5000 + b'"%\\'
    content = name + b": \0\xff\r\n\r\n"
    with body(tmp_path, content) as source, pytest.raises(Refused) as refused, fitting(source, AS_BINARY, NONE):
        pytest.fail("it does not fit")
    assert refused.value.reply.text.startswith(f"{CANNOT_CONVERT.text}: the header field xxx")
    assert len(refused.value.reply.wire) < 512
    assert str(refused.value.reply).isprintable()
