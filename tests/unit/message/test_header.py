"""The trace field that is made, and the fields that are read (RFC 5321 4.4, RFC 5322 3.6)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.message.header import Trace, count_received, message_id, received_field
from gsubmit.smtp.address import Address
from gsubmit.smtp.keywords import ADDED_OCTETS

TRACE = Trace("client.example", "192.0.2.10", "msa.example.org", "ESMTPSA", "abc123")
LONGEST_ADDRESS = Address("a" * 120, "b" * 133)


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """TV-RCV-1's moment and zone."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr("gsubmit.message.header.time.time", lambda: 1700647200.9)
    yield
    monkeypatch.undo()
    time.tzset()


def unfolded(field: bytes) -> str:
    return re.sub(r"\r\n(?=[ \t])", "", field.decode()).replace("\t", " ")


DATE = "Wed, 22 Nov 2023 10:00:00 +0000\r\n"
FRONT = "Received: from client.example ([192.0.2.10]) by msa.example.org with "


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        pytest.param(TRACE, f"{FRONT}ESMTPSA id abc123; {DATE}", id="RCV-4 without for"),
        pytest.param(
            TRACE._replace(tls_cipher="TLS_AES_256_GCM_SHA384", for_path="<b@example.net>"),
            f"{FRONT}ESMTPSA id abc123 for <b@example.net> tls TLS_AES_256_GCM_SHA384; {DATE}",
            id="TV-RCV-1, in the order of RCV-1",
        ),
        pytest.param(TRACE._replace(protocol="UTF8SMTPSA"), f"{FRONT}UTF8SMTPSA id abc123; {DATE}", id="EAI-16"),
        pytest.param(
            TRACE._replace(hello=""),
            f"Received: from [192.0.2.10] ([192.0.2.10]) by msa.example.org with ESMTPSA id abc123; {DATE}",
            id="RCV-2 literal for a bad name",
        ),
        pytest.param(
            TRACE._replace(hello="", client_ip="2001:db8::1"),
            "Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1]) by msa.example.org with ESMTPSA id abc123; " + DATE,
            id="RCV-2 IPv6",
        ),
    ],
)
@pytest.mark.usefixtures("noon")
def test_received(trace: Trace, expected: str) -> None:
    assert unfolded(received_field(trace)) == expected


@pytest.mark.parametrize("hello", ["c.example", "c" * 255, "[IPv6:2001:db8:1111:2222:3333:4444:5555:6666]"])
@pytest.mark.parametrize("path", ["", "<b@example.net>", f"<{LONGEST_ADDRESS}>", f"<{'é' * 60}@{'é' * 60}>"])
@pytest.mark.parametrize("cipher", ["", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"])
def test_folding(hello: str, path: str, cipher: str) -> None:
    """RCV-7: under 78 where possible, always below 998; one field, one date."""
    field = received_field(TRACE._replace(hello=hello, for_path=path, tls_cipher=cipher))
    first, *others = field.removesuffix(b"\r\n").split(b"\r\n")
    assert first.startswith(b"Received:")
    for line in others:
        assert re.match(rb"[ \t][^ \t\r\n]", line)
    for line in (first, *others):
        assert len(line) < 998
        assert len(line.decode()) <= 76 or len(line.split()) <= 5
    parsed = message_from_bytes(field + b"\r\n", policy=policy.SMTP)
    assert len(parsed.items()) == 1
    parsedate_to_datetime(unfolded(field).rpartition(";")[2])


@given(st.text(st.characters(min_codepoint=0x20, exclude_characters="\x7f", exclude_categories=["Cs"]), max_size=60))
def test_no_address_makes_a_second_field(local_part: str) -> None:
    """CMD-24: whatever may stand in a quoted local part stays within the field."""
    field = received_field(TRACE._replace(for_path=f"<{Address(local_part, 'example.org')}>"))
    assert not re.search(rb"\r\n[^ \t]|[^\r]\n|\r[^\n]", field)
    assert field.endswith(b"\r\n")


def test_what_is_added_fits() -> None:
    """SIZ-7: the longest field, and the name of a mailbox line in front of the client's own."""
    longest = Trace("c" * 255, "2001:db8:1111:2222:3333:4444:5555:6666", "b" * 255, "UTF8SMTPSA", "i" * 16, "C" * 50)
    field = received_field(longest._replace(for_path=f"<{'a' * 254}>"))
    assert 900 < len(field) + len("X-Mailbox-Line: ") <= ADDED_OCTETS


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(b"Message-ID: <1@x>\r\n", "<1@x>", id="plain"),
        pytest.param(b"message-id:<1@x>\r\n", "<1@x>", id="any case, no space"),
        pytest.param(b"From: a\r\nMessage-Id: \t<1@x>  \r\n", "<1@x>", id="spaces around"),
        pytest.param(b"Message-ID:\r\n <1@x>\r\n", "<1@x>", id="folded"),
        pytest.param(b"Message-ID: \r\n\t<1@x>\r\n", "<1@x>", id="folded after a space"),
        pytest.param(b"Message-ID: <1@x> (comment)\r\n", "<1@x>", id="comment"),
        pytest.param(b"X-Message-ID: <1@x>\r\n", "", id="another field"),
        pytest.param(b"References: <0@x>\r\n Message-ID: <1@x>\r\n", "", id="inside a folded field"),
        pytest.param(b"Message-ID:\r\nFrom: a\r\n", "", id="empty"),
        pytest.param(b"Message-ID: \xff\x1b[2J\r\n", "", id="CMD-24 nothing for a log"),
        pytest.param(b"Message-ID :<1@x>\r\n", "<1@x>", id="RFC 5322 4.5 white space before the colon"),
        pytest.param(b"A: b\nMessage-ID: <1@x>\r\n", "", id="LF is no line end"),
        pytest.param(b"", "", id="no header"),
    ],
)
def test_message_id(head: bytes, expected: str) -> None:
    assert message_id(head) == expected


@given(st.binary(max_size=40).map(b"Message-ID: <".__add__))
def test_message_id_is_printable(head: bytes) -> None:
    """CMD-24."""
    assert re.fullmatch("[!-~]*", message_id(head))


@pytest.mark.parametrize(
    ("head", "count"),
    [
        pytest.param(b"", 0, id="nothing"),
        pytest.param(b"Received: a\r\nRECEIVED:b\r\nreceived: c\r\n\r\n", 3, id="LIM-8 any case"),
        pytest.param(b"Received: a\r\n Received: b\r\nX-Received: c\r\n", 1, id="only field names"),
        pytest.param(b"Subject: Received: a\r\nReceived-SPF: x\r\n", 0, id="other fields"),
        pytest.param(b"Received : a\r\nreceived\t: b\r\n", 2, id="RFC 5322 4.5 white space before the colon"),
        pytest.param(b"A: b\nReceived: x\r\n", 0, id="LF is no line end"),
        pytest.param(b"Received: x\r\n" * 150, 150, id="LIM-8 many"),
    ],
)
def test_count_received(head: bytes, count: int) -> None:
    assert count_received(head) == count
