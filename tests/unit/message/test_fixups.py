"""What is mended in a header, and what is left alone (RFC 6409 8; HDR-2 to HDR-4, HDR-8 to HDR-10)."""

from __future__ import annotations

import re

import pytest

from gsubmit.message.fixups import FixUps
from gsubmit.smtp.replies import NO_FROM, SEVERAL_FROM, SINGLE_LABEL_RECIPIENT, SINGLE_LABEL_SENDER
from gsubmit.smtp.reply import Refused
from tests.unit.message.test_draft import draft_of

ADD = {"add_date": True, "add_message_id": True}
REPAIR = ADD | {"repair_date": True, "repair_message_id": True}
DATE = r"Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d [+-]\d{4}"
ID = r"Message-ID: <[0-9a-f]{32}@%s>"
SIGNED = "DKIM-Signature: v=1; d=example.org;\r\n\th=From: Date:\r\n\t message-id:bcc; b=x"


def fixed(header: str, **asked: object) -> list[str]:
    """The lines of the header as it leaves."""
    fixups = FixUps("msa.example.org", **asked)  # type: ignore[arg-type]
    octets = (header + "\r\n\r\ntext\r\n").encode()
    with draft_of(octets) as draft:
        fixups.apply(draft)
        after = b"".join(draft.blocks()).decode()
        assert draft.is_edited is (after != octets.decode())
    head, _, text = after.partition("\r\n\r\n")
    assert text == "text\r\n"
    return re.split(r"\r\n(?![ \t])", head)


def test_what_is_missing_comes_to_the_end() -> None:
    lines = fixed("Subject: a\r\nFrom: A <a@example.org>\r\nTo: b", **ADD)
    assert lines[:3] == ["Subject: a", "From: A <a@example.org>", "To: b"]
    assert re.fullmatch(DATE, lines[3])
    assert re.fullmatch(ID % "example.org", lines[4])


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("a@example.net", "example.net"),
        ("<a@b.example.net>", "b.example.net"),
        ("a@localhost", "msa.example.org"),
        ("a@[192.0.2.1]", "msa.example.org"),
        ("a@b\xfccher.example", "msa.example.org"),
        ("a, b@example.net, c", "msa.example.org"),
        ("", "msa.example.org"),
    ],
)
def test_the_id_has_the_domain_of_from_where_it_has_one(sender: str, domain: str) -> None:
    assert re.fullmatch(ID % re.escape(domain), fixed(f"From: {sender}", add_message_id=True)[1])


@pytest.mark.parametrize(
    "header",
    [
        "date: Thu, 1 Jan 1970 00:00:00 +0000\r\nMESSAGE-ID: <a@b>",
        "Date : Thu, 01 Jan 70 00:00 GMT\r\nMessage-Id:\r\n <a@b> (comment)",
        "Date: 1 Jan 2026 00:00:00 -0500 (EST)\r\nMessage-ID: <a.b.c@[192.0.2.1]>",
        "Date: 1 Jan 2026 00:00:00 -0500\r\nDate: nonsense\r\nMessage-ID: x\r\nMessage-ID: <a@b>",
    ],
)
def test_what_is_there_stays(header: str) -> None:
    assert "\r\n".join(fixed(header, **REPAIR)) == header


@pytest.mark.parametrize(
    "date",
    [
        pytest.param("27 Nov 97 09(comment):10:00 -0600", id="RFC 5322 4.3 comments"),
        pytest.param("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", id="RFC 5322 A.6.3"),
        pytest.param(
            "Thu (a (b) \\) ()), 13 Feb\r\n 1969 (\xfc)\r\n\t23:32 -0330 (Newfoundland Time)", id="RFC 5322 A.5"
        ),
        pytest.param("Sat , 31 Dec 2016 23 : 59 : 60 +0000", id="RFC 5322 3.3 a leap second"),
        pytest.param("21 Nov 97 09:55:06 GMT (open", id="as readers take it"),
    ],
)
def test_dates_that_somebody_can_read(date: str) -> None:
    header = f"Date: {date}\r\nMessage-ID: <a@b>"
    assert "\r\n".join(fixed(header, **REPAIR)) == header


@pytest.mark.parametrize(
    "date",
    [
        "",
        "(",
        "1 Jan 2026 00:60 +0000",
        "1 Jan (2026 00:00:00 +0000)",
        "yesterday",
        "2026-11-27 12:00",
        "32 Jan 2026 00:00:00 +0000",
        "\xe4",
        "Fri, 27",
    ],
)
def test_dates_that_nobody_can_read(date: str) -> None:
    assert fixed(f"Date: {date}\r\nMessage-ID: <a@b>\r\nTo: c", **ADD)[0] == f"Date: {date}"
    lines = fixed(f"Date: {date}\r\nMessage-ID: <a@b>\r\nTo: c", **REPAIR)
    assert re.fullmatch(DATE, lines[0])
    assert lines[1:] == ["Message-ID: <a@b>", "To: c"]


@pytest.mark.parametrize("text", ["", "a@b", "<a b@c>", "<ab>", "<a@b><c@d>", "<<a@b>>"])
def test_ids_that_are_none(text: str) -> None:
    header = f"Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-ID: {text}\r\nTo: c"
    assert fixed(header, **ADD)[1] == f"Message-ID: {text}"
    lines = fixed(header, **REPAIR)
    assert re.fullmatch(ID % "msa.example.org", lines[1])
    assert lines[2] == "To: c"


def test_a_block_of_resent_fields_is_completed() -> None:
    """HDR-10: the message has its own Date and Message-ID, or had none when it was first sent."""
    lines = fixed("Received: x\r\nResent-From: a@example.org\r\nResent-To: b\r\nFrom: c@example.net\r\nTo: d", **ADD)
    assert lines[:3] == ["Received: x", "Resent-From: a@example.org", "Resent-To: b"]
    assert re.fullmatch(f"Resent-{DATE}", lines[3])
    assert re.fullmatch(f"Resent-{ID}" % "example.net", lines[4])
    assert lines[5:] == ["From: c@example.net", "To: d"]


def test_only_the_first_block_counts() -> None:
    older = "Resent-Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nResent-Message-ID: <a@b>"
    lines = fixed(f"Resent-From: a\r\nReceived: x\r\n{older}\r\nFrom: c\r\nTo: d", **ADD)
    assert lines[0] == "Resent-From: a"
    assert [line.partition(":")[0] for line in lines[1:4]] == ["Resent-Date", "Resent-Message-ID", "Received"]


def test_dropped_fields() -> None:
    """HDR-4, HDR-9."""
    header = "Bcc: a\r\n b\r\nReturn-Path: <a>\r\nSubject: Bcc: x\r\nbcc : c\r\nX-Bcc: d"
    dropped = frozenset({b"bcc", b"return-path"})
    assert fixed(header, dropped=dropped) == ["Subject: Bcc: x", "X-Bcc: d"]
    assert fixed("Subject: a", dropped=dropped) == ["Subject: a"]


def test_a_signature_keeps_what_it_covers() -> None:
    """SUB-17: what is listed and missing is signed as missing."""
    header = f"{SIGNED}\r\nFrom: a@example.org\r\nBcc: b\r\nResent-Bcc: c"
    assert fixed(header, **REPAIR, dropped=frozenset({b"bcc", b"resent-bcc"})) == [
        *(SIGNED, "From: a@example.org", "Bcc: b")
    ]


def test_a_signature_that_lists_nothing_covers_all() -> None:
    header = "DomainKey-Signature: a=rsa-sha1; b=x\r\nFrom: a@example.org\r\nBcc: b"
    assert fixed(header, dropped=frozenset({b"bcc"})) == header.split("\r\n")


@pytest.mark.parametrize(
    ("header", "reply"),
    [
        ("Subject: a", NO_FROM),
        ("From: a\r\nfrom : b", SEVERAL_FROM),
        ("Resent-From: a", NO_FROM),
        ("From: a\r\nResent-From: b", None),
    ],
)
def test_from_may_be_required_once(header: str, reply: object) -> None:
    """HDR-1, HDR-12."""
    assert fixed(header) == header.split("\r\n")
    if reply is None:
        assert fixed(header, needs_from=True) == header.split("\r\n")
        return
    with pytest.raises(Refused) as refused:
        fixed(header, needs_from=True)
    assert refused.value.reply is reply


@pytest.mark.parametrize(
    ("header", "reply"),
    [
        ("From: root@localhost", SINGLE_LABEL_SENDER),
        ("Reply-To: a@example.org, Root <root@host>", SINGLE_LABEL_SENDER),
        ("To: friends: a@example.org, b@host;", SINGLE_LABEL_RECIPIENT),
        ("Resent-Cc: b@host", SINGLE_LABEL_RECIPIENT),
        ("From: a@example.org\r\nTo: b@[192.0.2.1], undisclosed-recipients:;\r\nCc: root\r\nX-To: b@host", None),
    ],
)
def test_domains_may_have_to_be_full(header: str, reply: object) -> None:
    """SUB-4: in the header too, where it is looked at."""
    assert fixed(header) == re.split(r"\r\n(?![ \t])", header)
    if reply is None:
        assert fixed(header, needs_full_domains=True) == header.split("\r\n")
        return
    with pytest.raises(Refused) as refused:
        fixed(header, needs_full_domains=True)
    assert refused.value.reply is reply


def test_many_signatures_that_list_nothing() -> None:
    header = "DKIM-Signature:\r\n" * 12_000 + "Bcc: a"
    assert fixed(header, dropped=frozenset({b"bcc"}))[-1] == "Bcc: a"
