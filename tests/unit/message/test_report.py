"""The report of a relayed message (RFC 3461 6, 3464, 6522, 6533)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.message.report import Relayed, relayed_report
from gsubmit.smtp import xtext
from gsubmit.smtp.address import Address
from gsubmit.smtp.reply import Reply

ALICE = Address("Alice", "Example.ORG")
DANA = Relayed(Address("Dana", "Ivory.EDU"), "rfc822;Dana@Ivory.EDU", Reply(250, "", "ok"))
HEAD = b"From: Alice@Example.ORG\r\nSubject: test\r\n  folded\r\n\r\n"
ARRIVAL = 1700647200.0


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def made(
    recipients: Sequence[Relayed] = (DANA,),
    *,
    head: bytes = HEAD,
    envid: str | None = None,
    smtputf8: bool = False,
    reverse_path: Address = ALICE,
    reporting_mta: str = "msa.example.org",
    remote_mta: str = "relay.example.org",
) -> bytes:
    return relayed_report(
        reporting_mta,
        remote_mta,
        reverse_path,
        envid=envid,
        arrival=ARRIVAL,
        recipients=recipients,
        original_head=head,
        smtputf8=smtputf8,
    )


def parts(octets: bytes) -> list[tuple[str, bytes]]:
    """Type and decoded content of the three parts, taken apart without the email package, which knows better."""
    head, _, rest = octets.partition(b"\r\n\r\n")
    found = re.search(rb'boundary="([^"]+)"', head)
    assert found is not None
    first, *pieces, last = (b"\r\n" + rest).split(b"\r\n--" + found[1])
    assert (first, last) == (b"", b"--\r\n")
    result = []
    for piece in pieces:
        fields, _, _ = piece.partition(b"\r\n\r\n")
        parsed = message_from_bytes(piece[2:].split(b"\r\n\r\n")[0] + b"\r\n\r\n")
        content = piece[len(fields) + 4 :]
        if parsed["Content-Transfer-Encoding"] == "quoted-printable":
            content = re.sub(rb"=\r\n", b"", content)
            content = re.sub(rb"=([0-9A-F]{2})", lambda pair: bytes([int(pair[1], 16)]), content)
        else:
            assert parsed["Content-Transfer-Encoding"] == "7bit"
        result.append((parsed["Content-Type"], content))
    return result


def status(octets: bytes) -> list[list[str]]:
    """The lines of the second part, in its groups."""
    content = parts(octets)[1][1].decode()
    assert content.endswith("\r\n")
    return [group.removesuffix("\r\n").split("\r\n") for group in content.split("\r\n\r\n")]


def header(octets: bytes) -> EmailMessage:
    message = message_from_bytes(octets, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_header() -> None:
    """DSF-2."""
    message = header(made())
    assert message["From"] == "postmaster@msa.example.org"
    assert message["To"] == "Alice@Example.ORG"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["MIME-Version"] == "1.0"
    assert message["Content-Type"].content_type == "multipart/report"
    assert message["Content-Type"].params["report-type"] == "delivery-status"
    assert abs(message["Date"].datetime.timestamp() - time.time()) < 60
    assert message["Message-ID"].endswith("@msa.example.org>")
    assert not message.defects
    assert made().isascii()


def test_ids_and_boundaries_are_new() -> None:
    messages = [header(made()) for _ in range(20)]
    assert len({message["Message-ID"] for message in messages}) == 20
    assert len({message.get_boundary() for message in messages}) == 20


def test_boundary_is_not_in_the_content(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = iter(["first", "second", "third", "message-id"])
    monkeypatch.setattr("gsubmit.message.report.secrets.token_hex", lambda _: next(tokens))
    assert header(made(head=b"X: --first\r\nY: --second\r\n\r\n")).get_boundary() == "third"


def test_status() -> None:
    """TV-DSF-1, in the order of RFC 3464 2.2."""
    assert status(made(envid="QQ314159")) == [
        [
            "Original-Envelope-Id: QQ314159",
            "Reporting-MTA: dns; msa.example.org",
            "Arrival-Date: Wed, 22 Nov 2023 10:00:00 +0000",
        ],
        [
            "Original-Recipient: rfc822;Dana@Ivory.EDU",
            "Final-Recipient: rfc822;Dana@Ivory.EDU",
            "Action: relayed",
            "Status: 2.0.0",
            "Remote-MTA: dns; relay.example.org",
            "Diagnostic-Code: smtp; 250 ok",
        ],
    ]


def test_types_and_returned_header() -> None:
    """DSF-3, DSF-9: the header only, and as it was."""
    content_types = [content_type for content_type, _ in parts(made())]
    assert content_types == ["text/plain; charset=us-ascii", "message/delivery-status", "text/rfc822-headers"]
    assert parts(made(head=HEAD + b"body"))[2][1] == HEAD[:-2]


def test_explanation() -> None:
    text = parts(made())[0][1].decode()
    assert "relay.example.org" in text and "<Dana@Ivory.EDU>" in text
    assert all(len(line) <= 78 for line in text.split("\r\n"))


def test_several_recipients() -> None:
    """DSF-10, DSF-4."""
    groups = status(made([DANA, Relayed(Address("postmaster", ""), None, Reply(250, "2.1.5", "Ok"))]))
    assert [len(group) for group in groups] == [2, 6, 5]
    assert groups[2][0] == "Final-Recipient: rfc822;postmaster"
    assert groups[2][2] == "Status: 2.1.5"


@pytest.mark.parametrize(
    ("envid", "field"),
    [
        pytest.param("QQ31415+39", "QQ314159", id="DSF-5 decoded"),
        pytest.param("aB+20+2B+3D", "aB +=", id="DSF-12 case and spelling"),
        pytest.param("x" * 100, "x" * 100, id="DSN-5 the longest"),
        pytest.param("a+0D+0ATo:b", "a??To:b", id="CMD-24"),
    ],
)
def test_envid(envid: str, field: str) -> None:
    assert status(made(envid=envid))[0][0] == f"Original-Envelope-Id: {field}"


@pytest.mark.parametrize(
    ("orcpt", "field"),
    [
        pytest.param("rfc822;a+2Bb@x", "rfc822;a+b@x", id="DSF-6 decoded"),
        pytest.param("RFC822;Dana@Ivory.EDU", "RFC822;Dana@Ivory.EDU", id="DSF-12"),
        pytest.param("x400;/c=us+3D/", None, id="not xtext"),
        pytest.param("utf-8;\\x{E9}@x", "utf-8;\\x{E9}@x", id="EAI-12 stays 7-bit"),
        pytest.param("utf-8;a+2Bb@x", "utf-8;a+2Bb@x", id="utf-8 is no xtext"),
        pytest.param("rfc822;a+0D+0A@x", "rfc822;a??@x", id="CMD-24"),
    ],
)
def test_orcpt(orcpt: str, field: str | None) -> None:
    recipients = [DANA._replace(orcpt=orcpt)]
    if field is None:
        with pytest.raises(ValueError, match="xtext"):
            made(recipients)
    else:
        assert status(made(recipients))[1][0] == f"Original-Recipient: {field}"


@pytest.mark.parametrize(
    ("orcpt", "field"),
    [
        pytest.param("utf-8;\\x{E9}@x", "utf-8;é@x", id="EAI-12 unitext is removed"),
        pytest.param("utf-8;é\\x{2B}\\x{1F600}@x", "utf-8;é+\U0001f600@x", id="mixed"),
        pytest.param("UTF-8;é@x", "UTF-8;é@x", id="as it is"),
        pytest.param("utf-8;a\\x{0D}\\x{0A}@x", "utf-8;a\\x{0D}\\x{0A}@x", id="controls stay hidden"),
        pytest.param("utf-8;a\\x{D800}@x", "utf-8;a\\x{D800}@x", id="surrogate"),
        pytest.param("utf-8;a\\x{FFFFFF}@x", "utf-8;a\\x{FFFFFF}@x", id="beyond Unicode"),
        pytest.param("utf-8;\\x{E9}", "utf-8;\\x{E9}", id="no mailbox"),
        pytest.param("rfc822;a+2Bb@x", "rfc822;a+b@x", id="another type"),
    ],
)
def test_orcpt_of_smtputf8(orcpt: str, field: str) -> None:
    assert status(made([DANA._replace(orcpt=orcpt)], smtputf8=True))[1][0] == f"Original-Recipient: {field}"


@pytest.mark.parametrize(
    ("smtputf8", "recipient"),
    [
        pytest.param(True, DANA, id="DSF-11 SMTPUTF8"),
        pytest.param(True, DANA._replace(recipient=Address("é", "x")), id="recipient"),
        pytest.param(False, DANA._replace(orcpt="utf-8;é@x"), id="raw ORCPT without SMTPUTF8"),
    ],
)
def test_global(smtputf8: bool, recipient: Relayed) -> None:
    octets = made([recipient], smtputf8=smtputf8, head="Subject: é\r\n\r\n".encode())
    assert octets.isascii()
    assert header(octets)["Content-Type"].params["report-type"] == "global-delivery-status"
    _, (status_type, _), (header_type, head) = parts(octets)
    assert (status_type, header_type) == ("message/global-delivery-status", "message/global-headers")
    assert head == "Subject: é\r\n".encode()


def test_final_recipient_in_utf8() -> None:
    octets = made([Relayed(Address("é", "x"), None, Reply(250))], smtputf8=True)
    assert status(octets)[1][0] == "Final-Recipient: utf-8;é@x"
    assert "<é@x>".encode() in parts(octets)[0][1]
    assert octets.isascii()


def test_reverse_path_in_utf8() -> None:
    """It can be reached with SMTPUTF8 only, so the field may have it (RFC 3464 2)."""
    octets = made(reverse_path=Address("é", "x"), smtputf8=True)
    lines = [line for line in octets.split(b"\r\n") if not line.isascii()]
    assert lines == ["To: é@x".encode()]


@pytest.mark.parametrize(
    ("reply", "diagnostic", "code"),
    [
        pytest.param(Reply(250, "2.6.0", "Queued"), ["smtp; 250 2.6.0 Queued"], "2.6.0", id="status"),
        pytest.param(Reply(250, "", "a\nb"), ["smtp; 250-a", " 250 b"], "2.0.0", id="DSF-8"),
        pytest.param(Reply(250), ["smtp; 250 "], "2.0.0", id="no text"),
        pytest.param(Reply(250, "5.0.0", "x"), ["smtp; 250 5.0.0 x"], "2.0.0", id="status of another class"),
        pytest.param(Reply(250, "", "a\rTo: b\0"), ["smtp; 250 a?To: b?"], "2.0.0", id="controls"),
        pytest.param(
            Reply(250, "", "a\n\nAction: failed"),
            ["smtp; 250-a", " 250-", " 250 Action: failed"],
            "2.0.0",
            id="empty line",
        ),
        pytest.param(Reply(250, "", "\u2028"), ["smtp; 250 ???"], "2.0.0", id="RFC 6533 4.1 ASCII"),
    ],
)
def test_diagnostic(reply: Reply, diagnostic: list[str], code: str) -> None:
    group = status(made([DANA._replace(reply=reply)]))[1]
    assert group[3] == f"Status: {code}"
    assert group[5:] == [f"Diagnostic-Code: {diagnostic[0]}", *diagnostic[1:]]


@pytest.mark.parametrize(
    ("name", "reporting", "remote"),
    [
        pytest.param("relay.example.org", "dns; relay.example.org", "dns; relay.example.org", id="host name"),
        pytest.param("localhost", "x-local-hostname; localhost", "dns; localhost", id="DSF-5 no FQDN"),
        pytest.param("192.0.2.1", "dns; [192.0.2.1]", "dns; [192.0.2.1]", id="RFC 3461 9.3 address"),
        pytest.param("2001:db8::1", "x-local-hostname; [IPv6:2001:db8::1]", "dns; [IPv6:2001:db8::1]", id="IPv6"),
        pytest.param("/run/relay", "x-local-hostname; /run/relay", "x-local-hostname; /run/relay", id="socket"),
        pytest.param("a\r\nb", "x-local-hostname; a??b", "x-local-hostname; a??b", id="no name"),
    ],
)
def test_mta_names(name: str, reporting: str, remote: str) -> None:
    first, second = status(made(reporting_mta=name, remote_mta=name))
    assert first[0] == f"Reporting-MTA: {reporting}"
    assert second[4] == f"Remote-MTA: {remote}"


@pytest.mark.parametrize(
    ("head", "returned"),
    [
        pytest.param(b"A: b\r\n\r\nbody", b"A: b\r\n", id="body is not returned"),
        pytest.param(b"\r\nbody\r\n\r\n", b"", id="no header"),
        pytest.param(b"A: b\r\n", b"A: b\r\n", id="no body"),
        pytest.param(b"A: b", b"A: b\r\n", id="cut"),
        pytest.param(b"", b"\r\n", id="nothing"),
        pytest.param(b"A: \xe9 =\r\n\r\n", b"A: \xe9 =\r\n", id="8-bit"),
        pytest.param(b"A: " + b"b" * 2000 + b"\r\n\r\n", b"A: " + b"b" * 2000 + b"\r\n", id="long line"),
        pytest.param(b"A: b \nC\r\r\n.\r\n\r\n", b"A: b \nC\r\r\n.\r\n", id="bare line ends"),
        pytest.param(b"A: \0\r\n\r\n", b"A: \0\r\n", id="NUL"),
    ],
)
def test_returned_header(head: bytes, returned: bytes) -> None:
    octets = made(head=head)
    assert parts(octets)[2] == ("text/rfc822-headers", returned)
    assert octets.isascii()


# Without surrogates, which no text from the wire has.
texts = st.text(st.characters(codec="utf-8"), max_size=80)
addresses = st.builds(Address, texts, texts)


@given(
    st.lists(
        st.builds(
            Relayed,
            addresses,
            st.none()
            | texts.map(lambda text: f"rfc822;{xtext.encode(text)}")
            | texts.map(lambda text: f"utf-8;{text}"),
            st.builds(Reply, st.just(250), st.just("2.0.0"), texts),
        ),
        min_size=1,
        max_size=4,
    ),
    st.binary(max_size=300)
    | st.lists(st.sampled_from([b"\r\n", b"--", b"A: b", b"\xff", b"\n", b"=" * 80])).map(b"".join),
    st.none() | texts.map(xtext.encode),
    texts,
    st.booleans(),
)
def test_nothing_breaks_the_form(
    recipients: list[Relayed], head: bytes, envid: str | None, name: str, smtputf8: bool
) -> None:
    octets = made(recipients, head=head, envid=envid, smtputf8=smtputf8, remote_mta=name)
    assert octets.isascii()
    assert b"\0" not in octets
    lines = octets.split(b"\r\n")
    assert all(len(line) <= 998 and b"\r" not in line and b"\n" not in line for line in lines)
    groups = status(octets)
    assert len(groups) == 1 + len(recipients)
    assert [line.split(":")[0] for line in groups[0]][-2:] == ["Reporting-MTA", "Arrival-Date"]
    for group in groups[1:]:
        names = [line.split(":")[0] for line in group if not line.startswith(" ")]
        assert names[-5:] == ["Final-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code"]
        assert names[:-5] in ([], ["Original-Recipient"])
    returned = parts(octets)[2][1]
    assert head.startswith(returned) or returned == head + b"\r\n"
