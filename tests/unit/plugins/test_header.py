"""The header as plugins see it."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gsubmit.message.body import MessageBody
from gsubmit.message.draft import Draft
from gsubmit.message.fields import split_header
from gsubmit.message.newfield import BadField
from gsubmit.plugins import Config, Plugin
from gsubmit.plugins.client import Client
from gsubmit.plugins.header import Header
from gsubmit.plugins.mail import Bounds, Mail
from gsubmit.plugins.testing import play
from gsubmit.smtp.envelope import Envelope, Sender
from gsubmit.smtp.params import NO_MAIL_PARAMS, MailParams

CLIENT = Client("id", "192.0.2.1", 40000, "192.0.2.2", 587)


def header(octets: bytes = b"From: a@example.org\r\n\r\n", params: MailParams = NO_MAIL_PARAMS) -> tuple[Header, Mail]:
    body = MessageBody("/tmp")
    body.append(octets)
    mail = Mail("id", CLIENT, Envelope(Sender(None, params)), Draft(body), Bounds(may_edit=True))
    return mail.header, mail


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")) | st.just(" "), max_size=200)


@given(TEXT)
def test_what_goes_in_reads_back_the_same(text: str) -> None:
    text = " ".join(text.split())
    assume("=?" not in text and all(len(word) < 900 for word in text.split()))
    one, mail = header()
    one.append("Subject", text)
    octets = b"".join(mail.draft.blocks())
    assert len(split_header(octets)) == 2
    assert octets.isascii()
    assert mail.header.get("subject") == text


def test_an_internationalized_address_stays_as_it_is() -> None:
    """RFC 6532 3.2: no encoded-word can hold it."""
    octets = "To: Jörg <jörg@bücher.example>\r\n\r\n".encode()
    one, mail = header(octets, MailParams(smtputf8=True))
    one.replace("To", one.get("To"))
    one.prepend("Cc", "jörg@bücher.example")
    one.append("Reply-To", "jörg@bücher.example")
    one.replace("Subject", "Grüße")
    made = "Cc: jörg@bücher.example\r\nTo: Jörg <jörg@bücher.example>\r\nReply-To: jörg@bücher.example\r\n"
    assert b"".join(mail.draft.blocks()).startswith(made.encode() + b"Subject: =?utf-8?")
    one, _ = header(octets)
    with pytest.raises(BadField):
        one.replace("To", one.get("To"))


def test_an_internationalized_message_is_played_as_one() -> None:
    class Again(Plugin):
        def message(self, mail: Mail) -> None:
            mail.header.replace("To", mail.header.get("To"))
            mail.add_recipient(mail.recipients[0].forward_path)

    for address, recipient in (("jörg@bücher.example", "b@example.org"), ("b@example.org", "jörg@bücher.example")):
        message = f"To: {address}\r\n\r\n".encode()
        assert play(Again(Config.of()), message, recipients=[recipient]).message == message


@given(st.text(max_size=100))
def test_any_text_is_one_field_or_an_error(text: str) -> None:
    one, mail = header()
    try:
        one.prepend("X-A", text)
    except ValueError:
        assert not mail.draft.is_edited
    else:
        assert [field.name for field in split_header(b"".join(mail.draft.blocks()))] == [b"x-a", b"from"]


@given(st.binary(max_size=100))
def test_reading_never_fails(value: bytes) -> None:
    value = value.replace(b"\r", b"").replace(b"\n", b"")
    one, _ = header(b"Subject: =?x?b?" + value + b"?= =?utf-8?q?=ff?= " + value + b"\r\n\r\n")
    assert isinstance(one.get("Subject"), str)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"=?utf-8?q?M=C3?= =?utf-8?q?=BCller?=", "Müller"),
        (b"a =?utf-8?b?w7w=?= b", "a ü b"),
        (b"=?utf-8?b?w7w?=", "ü"),
        (b"=?no-such-charset?q?=FC?=", "ü"),
        (b"=?iso-8859-1*de?q?=FC?=", "ü"),
        (b"=?utf-7?q?+2AA-?= b", "\ufffd b"),
        (b"=?utf-8?q?Hello=0A?=", "Hello "),
        (b"=?utf-8?b?YQ0KAGI=?=", "a b"),
        (b"a=?utf-8?q?b?=c", "a=?utf-8?q?b?=c"),
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("latin-1"), "Grüße"),
        (b"folded\r\n text", "folded text"),
    ],
)
def test_encoded_words_are_decoded(value: bytes, text: str) -> None:
    assert header(b"Subject: " + value + b"\r\n\r\n")[0].get("SUBJECT") == text


@pytest.mark.parametrize("name", ["Received", "DKIM-Signature", "return-path"])
def test_traces_and_signatures_stay(name: str) -> None:
    one, mail = header(f"{name}: x\r\n\r\n".encode())
    with pytest.raises(ValueError, match="stays"):
        one.remove(name)
    with pytest.raises(ValueError, match="stays"):
        one.replace(name, "y")
    assert not mail.draft.is_edited


def test_fields_are_replaced_and_removed() -> None:
    one, mail = header(b"A: 1\r\nB: 2\r\nA: 3\r\n\r\nx")
    assert one.all("a") == ["1", "3"]
    one.replace("A", "4", which=1)
    one.replace("C", "5")
    one.remove("b")
    assert b"".join(mail.draft.blocks()) == b"A: 1\r\nA: 4\r\nC: 5\r\n\r\nx"
    one.remove("a")
    assert list(one) == [("C", "5")]
    assert one.raw("c") == b"C: 5\r\n"


@pytest.mark.parametrize("text", ["a\r\nB: c", "a\nb", "a\rb", "a\0b", "\ud800"])
def test_nothing_ends_a_field(text: str) -> None:
    one, mail = header()
    for edit in (one.prepend, one.append, one.replace):
        with pytest.raises(ValueError, match="X-A"):
            edit("X-A", text)
    assert not mail.draft.is_edited
