"""Text at the end of what people read."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest

from gsubmit.plugins import Config, Mail, Plugin
from gsubmit.plugins.footer import Footer
from gsubmit.plugins.testing import play


class Adds(Plugin):
    plain = "-- \nGrüße aus Köln"
    html = "<p>Grüße</p>"
    added = False

    def message(self, mail: Mail) -> None:
        self.added = mail.append_text(self.plain, self.html)


def added(message: bytes, plain: str = Adds.plain) -> bytes:
    plugin = Adds(Config.of())
    plugin.plain = plain
    made = play(plugin, message)
    assert plugin.added
    return made.message


def parsed(message: bytes) -> EmailMessage:
    made = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(made, EmailMessage)
    return made


@pytest.mark.parametrize("cte", ["8bit", "base64", "quoted-printable"])
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-15"])
@pytest.mark.parametrize("size", [1, 57, 58, 200_000])
def test_both_parts_of_an_alternative_get_it(cte: str, charset: str, size: int) -> None:
    message = EmailMessage()
    message.set_content("ä" + "x y " * (size // 4) + "\n", charset=charset, cte=cte)
    message.add_alternative(
        f"<html><body><p>{'ü b ' * (size // 4)}</p></body></html>\n", "html", charset=charset, cte=cte
    )
    before = bytes(message)
    made = parsed(added(before))
    plain, html = made.get_body(("plain",)), made.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain["Content-Transfer-Encoding"] == cte
    assert (
        plain.get_content()
        .replace("\r\n", "\n")
        .endswith("x y \n-- \nGrüße aus Köln\n" if size >= 4 else "ä\n-- \nGrüße aus Köln\n")
    )
    assert "</p><p>Grüße</p></body></html>" in html.get_content().replace("&#252;", "ü").replace("&#223;", "ß")
    assert not made.defects


def test_ascii_text_becomes_utf_8_where_the_footer_is() -> None:
    made = added(b"Subject: a\r\nContent-Type: text/plain; charset=us-ascii; x=y\r\n\r\nHello")
    head, _, text = made.decode().partition("\r\n\r\n")
    assert head.split("\r\n") == [
        *("Subject: a", "Content-Type: text/plain; x=y; charset=utf-8", "Content-Transfer-Encoding: 8bit"),
        "MIME-Version: 1.0",
    ]
    assert text == "Hello\r\n-- \r\nGr\u00fc\u00dfe aus K\u00f6ln\r\n"


def test_the_parts_around_a_footer_say_that_they_hold_8_bit() -> None:
    """RFC 2045 6.4; and RFC 2045 4 for a message that had no such fields."""
    alternative = (
        b"--b\r\nContent-Type: multipart/alternative; boundary=c\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
        b"--c\r\n\r\nHello\r\n--c\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hello</p>\r\n--c--\r\n"
    )
    other = b"--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n\r\nother\r\n--b--\r\n"
    for outer in (b"", b"Content-Transfer-Encoding: 7bit\r\n", b"Content-Transfer-Encoding: BINARY\r\n"):
        head = b"Content-Type: multipart/mixed; boundary=b\r\n" + outer
        made = parsed(added(b"MIME-Version: 1.0\r\n" + head + b"\r\n" + alternative + other))
        assert [part["Content-Transfer-Encoding"] for part in made.walk()] == [
            *("BINARY" if b"BINARY" in outer else "8bit", "8bit", "8bit", "8bit", "7bit")
        ]
        assert [part.get_all("MIME-Version") for part in made.walk()] == [["1.0"], None, None, None, None]
        assert not made.defects
        without = parsed(added(head + b"\r\n" + alternative + other))
        assert [part.get_all("MIME-Version") for part in without.walk()] == [["1.0"], None, None, None, None]
    encoded = other.replace(b"7bit", b"quoted-printable").replace(b"/plain", b"/plain; charset=utf-8")
    assert b": 8bit" not in added(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + encoded)
    ascii = added(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + other, "by us")
    assert ascii.startswith(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n")


def test_an_ascii_footer_leaves_the_header_alone() -> None:
    assert added(b"Subject: a\r\n\r\nHello\r\n", "by us") == b"Subject: a\r\n\r\nHello\r\nby us\r\n"


def test_flowed_lines_stay_lines() -> None:
    head = b"Content-Type: text/plain; format=flowed\r\n\r\n"
    assert added(head + b"Hello \r\nthere\r\n", "-- \n> a \nFrom b\n c") == (
        head + b"Hello \r\nthere\r\n-- \r\n > a\r\n From b\r\n  c\r\n"
    )


@pytest.mark.parametrize("end", [b"", b"\r\n"])
@pytest.mark.parametrize(
    ("type", "encoding", "text", "read"),
    [
        pytest.param(b"", b"quoted-printable", b"last line=", "last line\r\nend", id="soft line break"),
        pytest.param(b"", b"quoted-printable", b"last line=3D", "last line=\r\nend", id="an equals sign"),
        pytest.param(b"; format=flowed", b"8bit", b"last line ", "last line \r\n\r\nend", id="RFC 3676 4.2 flowed"),
        pytest.param(b"; format=Flowed; delsp=yes", b"8bit", b"a\r\nb ", "a\r\nb \r\n\r\nend", id="RFC 3676 4.2 DelSp"),
        pytest.param(b"; format=flowed", b"8bit", b"a \r\nb", "a \r\nb\r\nend", id="a fixed line"),
        pytest.param(b"; format=flowed", b"8bit", b"a \r\n\r\n", "a \r\n\r\nend", id="an empty line"),
        pytest.param(b"; format=flowed", b"8bit", b"a\r\n-- ", "a\r\n-- \r\nend", id="RFC 3676 4.3 signature"),
        pytest.param(b"; format=flowed", b"8bit", b"> -- ", "> -- \r\nend", id="RFC 3676 4.3 quoted signature"),
        pytest.param(b"", b"8bit", b"last line ", "last line \r\nend", id="fixed"),
        pytest.param(b"; format=flowed", b"quoted-printable", b"a=20", "a \r\n\r\nend", id="flowed, encoded"),
        pytest.param(b"; format=flowed", b"quoted-printable", b"a=20=", "a \r\n\r\nend", id="flowed, soft line break"),
        pytest.param(b"; format=flowed", b"base64", b"YSA=", "a \r\n\r\nend", id="flowed, base64"),
        pytest.param(b"; format=flowed", b"base64", b"YSANCg==", "a \r\n\r\nend", id="flowed, base64 with a line end"),
    ],
)
def test_it_is_on_a_line_of_its_own(type: bytes, encoding: bytes, text: bytes, read: str, end: bytes) -> None:
    head = b"Content-Type: text/plain" + type + b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n"
    alone = parsed(added(head + text + end, "end")).get_payload(decode=True)
    assert isinstance(alone, bytes)
    ends_itself = text.endswith(b"\r\n") and end
    assert alone.decode().removesuffix("\r\n") == (read.replace("\r\nend", "\r\n\r\nend") if ends_itself else read)
    whole = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + head + text + end + b"\r\n--b--\r\n"
    assert added(whole, "end").count(b"\r\n--b") == 2
    part = parsed(added(whole, "end")).get_payload(0)
    assert isinstance(part, EmailMessage)
    within = part.get_payload(decode=True)
    assert isinstance(within, bytes)
    assert within.decode().removesuffix("\r\n") == alone.decode().removesuffix("\r\n")


def test_blanks_behind_a_soft_line_break_are_none() -> None:
    """RFC 2045 6.7 (3), though Python reads them."""
    head = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    assert added(head + b"last line= \t\r\n", "end") == head + b"last line= \t\r\n\r\nend\r\n"


ATTACHED = b"""Content-Type: multipart/mixed; boundary=b

--b
Content-Disposition: attachment; filename=a.txt

attached
--b
Content-Type: message/rfc822

Subject: inner

inner
--b--
"""
SIGNED = b"""Content-Type: multipart/signed; boundary=b; protocol="application/pgp-signature"

--b

text
--b
Content-Type: application/pgp-signature

signature
--b--
"""


@pytest.mark.parametrize(
    "message",
    [
        ATTACHED,
        SIGNED,
        SIGNED.replace(b"signed", b"encrypted"),
        b"Content-Type: application/pkcs7-mime; smime-type=signed-data\n\nAAAA\n",
        b"DKIM-Signature: v=1; h=from; bh=x\nFrom: a@example.org\n\ntext\n",
        b"Content-Transfer-Encoding: x-uuencode\n\ntext\n",
        b"Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n\nAAAA\n",
        b"Content-Type: application/pdf\n\n%PDF\n",
    ],
)
def test_what_is_sealed_or_attached_stays_octet_for_octet(message: bytes) -> None:
    plugin = Adds(Config.of())
    assert play(plugin, message).message == message.replace(b"\n", b"\r\n")
    assert not plugin.added


def test_text_before_a_delimiter_is_on_a_line_of_its_own() -> None:
    made = added(
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: a/b\n\nx\n--b--\n", "end"
    )
    assert made == (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\nend\r\n--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b--\r\n"
    )


def test_a_footer_is_by_domain() -> None:
    footer = Footer(Config.of(**{"text@example.org": "of example.org & co", "text": "of all"}))
    assert play(footer, b"\n\na\n").message.endswith(b"a\r\nof example.org & co\r\n")
    assert play(footer, b"\n\na\n", sender="a@example.net").message.endswith(b"a\r\nof all\r\n")
    html = play(footer, b"Content-Type: text/html\n\n<p>a\n").message
    assert html.endswith(b"<p>a\r\nof example.org &amp; co\r\n")
    with pytest.raises(ValueError, match="needs a text"):
        Footer(Config.of())


def test_a_part_with_endless_parameters_is_left_alone() -> None:
    plugin = Adds(Config.of())
    message = b"Content-Type: text/plain" + b"; a=b" * 50_000 + b"\r\n\r\nHello\r\n"
    assert play(plugin, message).message == message
    assert not plugin.added


def test_a_part_without_header_gets_one_before_the_text() -> None:
    message = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x--\r\n"
    made = added(message)
    (part,) = parsed(made).iter_parts()
    assert part["Content-Type"] == 'text/plain; charset="utf-8"'
    assert "Grüße aus Köln" in part.get_content()


def test_a_message_of_nothing() -> None:
    assert "Grüße aus Köln".encode() in added(b"")
