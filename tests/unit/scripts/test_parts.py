"""The parts of a message as scripts see them."""

from __future__ import annotations

import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsubmit.message.body import BLOCK, MessageBody
from gsubmit.message.draft import Draft
from gsubmit.scripts import parts
from gsubmit.scripts.mail import DraftMail
from gsubmit.sieve.mail import Mail, Part
from tests.unit.scripts.messages import draft_of

ALL = 1 << 20
# The example of RFC 5173 5.2.
NESTED = b"""\
From: Whomever
Content-Type: multipart/mixed; boundary=outer

This is a multi-part message in MIME format.

--outer
Content-Type: multipart/alternative; boundary=inner

This is a nested multi-part message in MIME format.

--inner
Content-Type: text/plain; charset="us-ascii"

Hello

--inner
Content-Type: text/html; charset="us-ascii"

<html><body>Hello</body></html>

--inner--

This is the end of the inner MIME multipart.

--outer
Content-Type: message/rfc822

From: Someone Else
Subject: hello request

Please say Hello

--outer--

This is the end of the outer MIME multipart.
""".replace(b"\n", b"\r\n")


def mail_of(octets: bytes) -> Mail:
    return DraftMail(draft_of(octets))


def walked(part: Part) -> Iterator[Part]:
    yield part
    for inner in part.parts:
        yield from walked(inner)


def test_parts_are_in_parts() -> None:
    message = mail_of(NESTED)
    assert [part.type for part in walked(message)] == [
        *("multipart/mixed", "multipart/alternative", "text/plain", "text/html"),
        *("message/rfc822", "text/plain"),
    ]
    alternative, forwarded = message.parts
    plain, html = alternative.parts
    (inner,) = forwarded.parts
    assert plain.text(ALL) == "Hello\r\n"
    assert html.text(ALL) == "<html><body>Hello</body></html>\r\n"
    assert [(field.name, field.text) for field in inner.fields] == [
        ("from", "Someone Else"),
        ("subject", "hello request"),
    ]
    assert inner.text(ALL) == "Please say Hello\r\n"
    assert forwarded.content(ALL) == b"From: Someone Else\r\nSubject: hello request\r\n\r\nPlease say Hello\r\n"
    assert [field.raw for field in forwarded.fields] == ["message/rfc822"]


def test_a_multipart_has_all_of_its_parts() -> None:
    message = mail_of(NESTED)
    body = NESTED.partition(b"\r\n\r\n")[2]
    assert message.content(ALL) == message.content(ALL, decoded=False) == body
    content = message.parts[0].content(ALL)
    assert content.startswith(b"This is a nested")
    assert content.endswith(b"end of the inner MIME multipart.\r\n")


def test_what_stands_around_the_parts() -> None:
    message = mail_of(NESTED)
    assert message.around(ALL) == (
        b"This is a multi-part message in MIME format.\r\n",
        b"\r\nThis is the end of the outer MIME multipart.\r\n",
    )
    assert message.parts[0].around(9) == (b"This is a", b"\r\nThis is")
    assert message.parts[0].parts[0].around(ALL) == ()


@pytest.mark.parametrize(
    ("header", "type"),
    [
        (b"", "text/plain"),
        (b"Content-Type: Text/HTML; charset=x\r\n", "text/html"),
        (b"Content-Type: nonsense\r\n", "text/plain"),
        (b"Content-Type: multipart/mixed\r\n", "multipart/mixed"),
        (b"Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\r\n", "multipart/mixed"),
        (b"Content-Type: text/html\r\nContent-Type: text/plain\r\n", "text/html"),
    ],
)
def test_types(header: bytes, type: str) -> None:
    assert mail_of(header + b"\r\nx").type == type


def test_a_part_of_a_digest_is_a_message() -> None:
    message = mail_of(b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: a\r\n\r\nb\r\n--b--\r\n")
    (part,) = message.parts
    assert part.type == "message/rfc822"
    assert part.parts[0].fields[0].text == "a"
    assert part.parts[0].text(ALL) == "b"


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-15", "windows-1252"])
@pytest.mark.parametrize("cte", ["8bit", "base64", "quoted-printable"])
@pytest.mark.parametrize("size", [0, 1, 75, 76, 77, 3 * BLOCK])
def test_a_transfer_encoding_is_undone(charset: str, cte: str, size: int) -> None:
    message = EmailMessage(policy=email.policy.SMTP)
    text = "".join(f"ü=\t {number}  \r\n" for number in range(size // 8)) + "x" * (size % 8)
    message.set_content(text, charset=charset, cte=cte)
    found = mail_of(bytes(message)).text(ALL)
    assert found.removesuffix("\r\n") == text.removesuffix("\r\n")


@pytest.mark.parametrize(
    ("encoding", "content", "decoded"),
    [
        ("base64", b"SGVs\r\nbG8=", b"Hello"),
        ("base64", b"SGVsbG8", b"Hello"),
        ("BASE64", b"S G\tV-s*bG8==", b"Hello"),
        ("base64", b"SGVsb", b"Hel"),
        ("base64", b"....", b""),
        ("quoted-printable", b"a=3Db=\r\nc =\r\nd  \r\n", b"a=bc d\r\n"),
        ("quoted-printable", b"a= \t\r\nb", b"ab"),
        ("quoted-printable", b"a=b=ZZ=", b"a=b=ZZ"),
        ("quoted-printable", b"50% = 1/2", b"50% = 1/2"),
        ("binary", b"\0\r\n\n\xff", b"\0\r\n\n\xff"),
        ("utf-8", b"\xc3\xbc", b"\xc3\xbc"),
        ("x-uuencode", b"begin", b""),
    ],
)
def test_encodings_that_are_odd(encoding: str, content: bytes, decoded: bytes) -> None:
    message = mail_of(f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + content)
    assert message.content(ALL) == decoded
    assert message.content(ALL, decoded=False) == content


@pytest.mark.parametrize(
    ("type", "content", "text"),
    [
        (b"text/plain; charset=utf-8", b"\xc3\xbc\xff", "ü\ufffd"),
        (b"text/plain", b"\xc3\xbc", "ü"),
        (b"text/plain", b"\xfc", "ü"),
        (b"text/plain; charset=us-ascii", b"\xfc", "ü"),
        (b'text/plain; name="; charset=utf-16"; charset="KOI8-R"', b"\xf0", "П"),
        (b"text/plain; charset=utf-16", "ü".encode("utf-16"), "ü"),
        (b"text/plain; charset=utf-16", b"\0a", "\0a"),
        (b"text/plain; charset=utf-7", b"+APw-", "ü"),
        (b"text/plain; charset=utf-7", b"+2AA-", "\ufffd"),
        (b"text/plain; charset=iso-2022-jp", "日本".encode("iso-2022-jp"), "日本"),
        (b"text/plain; charset=windows-874", b"\xa1", "ก"),
        (b"text/plain; charset=punycode", b"tda-", "tda-"),
        (b"text/plain; charset=base64", b"eHg=", "eHg="),
        (b"text/plain; charset=unicode_escape", b"\\x41", "\\x41"),
        (b"text/plain; charset=no-such-charset", b"a", "a"),
        (b"text/plain; charset=" + b"x" * 5000, b"a", "a"),
    ],
)
def test_charsets(type: bytes, content: bytes, text: str) -> None:
    assert mail_of(b"Content-Type: " + type + b"\r\n\r\n" + content).text(ALL) == text


def test_a_character_that_is_cut_off_is_left_out() -> None:
    for type in (b"text/plain", b"text/plain; charset=utf-8"):
        assert mail_of(b"Content-Type: " + type + b"\r\n\r\n" + "aü".encode()).text(2) == "a"


@pytest.mark.parametrize("encoding", [b"8bit", b"base64", b"quoted-printable"])
def test_no_more_is_read_than_needed(encoding: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = draft_of(b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + b"QUJD" * BLOCK + b"-" * 30 * BLOCK)
    message = DraftMail(draft)
    assert len(message.content(10)) == 10
    read = 0
    original = MessageBody.read

    def counted(body: MessageBody, offset: int, size: int) -> bytes:
        nonlocal read
        read += size
        return original(body, offset, size)

    monkeypatch.setattr(MessageBody, "read", counted)
    assert len(message.content(BLOCK)) == BLOCK
    assert message.content(BLOCK, decoded=False)
    assert read <= 7 * BLOCK


def test_padding_does_not_make_it_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    message = mail_of(b"Content-Transfer-Encoding: base64\r\n\r\n" + b"*" * (6 * BLOCK) + b"QUJD")
    assert message.content(BLOCK) == b""
    assert message.content(2 * BLOCK) == b"ABC"


def test_what_was_decoded_is_kept_while_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_KEPT", 10)
    part = b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJDREVG\r\n"
    one, two = mail_of(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 2 + b"--b--").parts
    assert one.content(ALL) is one.content(ALL) == b"ABCDEF"
    assert two.content(ALL) is not two.content(ALL) == b"ABCDEF"


def test_another_size_is_another_content() -> None:
    message = mail_of(b"Content-Transfer-Encoding: base64\r\n\r\nQUJDREVG")
    assert [message.content(size) for size in (2, 6, 2)] == [b"AB", b"ABCDEF", b"AB"]
    assert [message.text(size) for size in (2, 6, 2)] == ["AB", "ABCDEF", "AB"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"--b\r\n\r\nhidden\r\n" * 1001, id="too many parts"),
        pytest.param(b"--b\r\nA: " + b"x" * (256 * 1024) + b"\r\n\r\nhidden\r\n", id="a header that is too long"),
    ],
)
def test_a_message_that_nobody_takes_apart_is_one_part(body: bytes) -> None:
    message = mail_of(b"Subject: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + body + b"--b--\r\n")
    assert (message.type, list(message.parts), message.content(ALL), message.text(ALL)) == (
        *("multipart/mixed", []),
        *(b"", ""),
    )
    assert message.around(ALL) == ()
    assert b"hidden" in message.content(ALL, decoded=False)
    assert [field.name for field in message.fields] == ["subject", "content-type"]


def test_content_may_lie_in_a_file(tmp_path: Path) -> None:
    body = MessageBody(str(tmp_path))
    body.append(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n")
    for _ in range(20):
        body.append(b"0123456789abcdef" * 1024)
    body.append(b"\r\n--b\r\n\r\nlast\r\n--b--\r\n")
    message = DraftMail(Draft(body))
    assert len(message.parts[0].content(ALL)) == 20 * 16 * 1024
    assert message.parts[1].text(ALL) == "last"
    assert message.content(ALL).endswith(b"last\r\n--b--\r\n")
    body.close()


PIECES = st.sampled_from([
    b"\r\n", b"\r\n\r\n", b"\r", b"\n", b"\0", b"--b", b"--b--", b"--", b"=", b"=3D", b"QUJD", b"\xff", b" ", b":", b";",
    b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: multipart/mixed; boundary=\"b\r\n",
    b"Content-Type: message/rfc822\r\n", b"Content-Type: multipart/digest; boundary=b\r\n",
    b"Content-Type: text/html; charset=", b"utf-8", b"utf-16", b"punycode", b"iso-2022-jp", b"Subject: =?utf-8?b?",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Transfer-Encoding: x\r\n", b"?=", b"hello", b"--b\r\n\r\n",
])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=4), max_size=40).map(b"".join), st.integers(0, 50))
def test_nothing_raises(octets: bytes, size: int) -> None:
    message = mail_of(octets)
    for part in walked(message):
        assert part.type.count("/") == 1
        assert len(part.content(size)) <= size
        assert len(part.content(size, decoded=False)) <= size
        assert len(part.text(size)) <= size
        assert all(len(one) <= size for one in part.around(size))
        assert all(isinstance(field.text, str) and isinstance(field.raw, str) for field in part.fields)
    assert octets.endswith(message.content(len(octets), decoded=False))
