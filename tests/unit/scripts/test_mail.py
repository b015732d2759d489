"""The header of a message as scripts see and edit it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.message.draft import HeaderTooLong
from gsubmit.message.fields import split_header
from gsubmit.message.parts import MAX_HEADER
from gsubmit.scripts import mail
from gsubmit.scripts.mail import DraftMail
from gsubmit.sieve.mail import Mail
from tests.unit.scripts.messages import draft_of, octets_of

MESSAGE = b"Subject: one\r\nX-A: 1\r\nFrom: a@example.org\r\nx-a: 2\r\n\r\nHello\r\n"


def mail_of(octets: bytes = MESSAGE, **how: bool) -> Mail:
    return DraftMail(draft_of(octets), **how)


def named(message: Mail, name: str) -> list[str]:
    return [field.text for field in message.fields if field.name == name]


def test_fields_are_in_order_with_their_texts() -> None:
    message = mail_of(b"X-B:  =?utf-8?q?M=C3=BCller?=\r\n \t<m@example.org> \r\nno field\r\nSubject : \xff\r\n\r\nx")
    assert [(field.name, field.raw, field.text) for field in message.fields] == [
        ("x-b", "=?utf-8?q?M=C3=BCller?= \t<m@example.org>", "Müller \t<m@example.org>"),
        ("subject", "\udcff", "ÿ"),
    ]


def test_a_field_is_decoded_once() -> None:
    (field,) = mail_of(b"Subject: =?utf-8?q?=C3=BC?=\r\n\r\n").fields
    assert field.text is field.text
    assert field.raw is field.raw


def test_fields_are_added_at_the_top_and_at_the_end() -> None:
    draft = draft_of(MESSAGE)
    message = DraftMail(draft)
    message.add_field("X-First", "a", last=False)
    message.add_field("X-Last", "ü", last=True)
    header = b"X-First: a\r\n" + MESSAGE[:-9] + b"X-Last: =?utf-8?B?w7w=?=\r\n\r\nHello\r\n"
    assert octets_of(draft) == header
    assert message.size == draft.size == len(header)
    assert [field.name for field in message.fields] == ["x-first", "subject", "x-a", "from", "x-a", "x-last"]
    assert named(message, "x-last") == ["ü"]


def test_a_long_value_is_folded() -> None:
    draft = draft_of(MESSAGE)
    DraftMail(draft).add_field("X-Long", "word " * 100, last=False)
    assert max(map(len, octets_of(draft).split(b"\r\n"))) <= 78
    assert split_header(octets_of(draft))[0].value.split() == [b"word"] * 100


def test_an_internationalized_message_gets_what_cannot_be_encoded() -> None:
    draft = draft_of(MESSAGE)
    DraftMail(draft, is_utf8=True).add_field("Reply-To", "ü@example.org", last=True)
    assert "Reply-To: ü@example.org\r\n".encode() in octets_of(draft)
    DraftMail(draft, is_utf8=True).add_field("X-Last", "ü", last=True)
    assert b"X-Last: =?utf-8?B?w7w=?=\r\n" in octets_of(draft)


def test_the_fields_that_are_meant_are_deleted() -> None:
    draft = draft_of(MESSAGE)
    message = DraftMail(draft)
    second = [field for field in message.fields if field.name == "x-a"][1]
    message.add_field("X-A", "0", last=False)
    message.delete_fields([second])
    assert named(message, "x-a") == ["0", "1"]
    message.delete_fields([second])
    assert octets_of(draft) == b"X-A: 0\r\nSubject: one\r\nX-A: 1\r\nFrom: a@example.org\r\n\r\nHello\r\n"


def test_of_two_fields_that_are_equal_one_is_deleted() -> None:
    message = mail_of(b"A: 1\r\nA: 1\r\n\r\n")
    message.delete_fields([message.fields[1]])
    assert named(message, "a") == ["1"]


def test_nothing_deleted_is_no_edit() -> None:
    draft = draft_of(MESSAGE)
    DraftMail(draft).delete_fields([])
    assert not draft.is_edited


def test_lines_that_are_no_fields_stay() -> None:
    draft = draft_of(b"no field\r\nA: 1\r\n\r\n")
    message = DraftMail(draft)
    message.delete_fields(message.fields)
    assert octets_of(draft) == b"no field\r\n\r\n"


@pytest.mark.parametrize("name", ["Received", "Auto-Submitted", "DKIM-Signature", "Return-Path"])
@pytest.mark.parametrize("may_change_authors", [False, True])
def test_some_fields_stay(name: str, may_change_authors: bool) -> None:
    draft = draft_of(f"{name}: x\r\nA: 1\r\n\r\n".encode())
    message = DraftMail(draft, may_change_authors=may_change_authors)
    message.delete_fields(message.fields)
    assert octets_of(draft) == f"{name}: x\r\n\r\n".encode()


@pytest.mark.parametrize("name", ["dkim-Signature", "RETURN-PATH"])
def test_some_fields_are_not_added(name: str) -> None:
    draft = draft_of(MESSAGE)
    DraftMail(draft, may_change_authors=True).add_field(name, "x", last=False)
    assert not draft.is_edited


@pytest.mark.parametrize("name", ["From", "Sender"])
def test_authors_are_changed_by_administrators_only(name: str) -> None:
    draft = draft_of(f"{name}: a@example.org\r\n\r\n".encode())
    for may_change, left in ((False, ["a@example.org"]), (True, ["b@example.org"])):
        message = DraftMail(draft, may_change_authors=may_change)
        message.delete_fields(message.fields)
        message.add_field(name, "b@example.org", last=True)
        assert named(message, name.lower()) == left


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "a\r\nB: c"),
        ("X-A", "a\nb"),
        ("X-A", "a\0"),
        ("X-A", "\udcff"),
        ("X A", "b"),
        ("X-A:", "b"),
        ("", "b"),
        ("Ü", "b"),
        ("X-A", "b" * 1000),
        pytest.param("Message-ID", "<ü@example.org>", id="where nothing may be encoded"),
    ],
)
def test_what_is_no_field_is_a_value_error(name: str, value: str) -> None:
    draft = draft_of(MESSAGE)
    with pytest.raises(ValueError, match=r"\w"):
        DraftMail(draft).add_field(name, value, last=False)
    assert not draft.is_edited


@given(st.text(max_size=8), st.text(max_size=100), st.booleans(), st.booleans())
def test_any_text_is_one_field_or_an_error(name: str, value: str, is_utf8: bool, last: bool) -> None:
    draft = draft_of(MESSAGE)
    try:
        DraftMail(draft, is_utf8=is_utf8).add_field("X-" + name, value, last=last)
    except ValueError:
        assert not draft.is_edited
    else:
        octets = octets_of(draft)
        assert len(split_header(octets[: octets.index(b"\r\n\r\n") + 4])) == 5
        assert octets.endswith(b"\r\n\r\nHello\r\n")


def test_a_draft_that_was_edited_before_shows_that() -> None:
    draft = draft_of(MESSAGE)
    DraftMail(draft).add_field("X-B", "b", last=False)
    fork = draft.fork()
    message = DraftMail(fork)
    assert named(message, "x-b") == ["b"]
    assert message.text(100) == "Hello\r\n"
    message.add_field("X-C", "c", last=False)
    assert b"X-C" not in octets_of(draft)
    draft.adopt(fork)
    assert octets_of(draft).startswith(b"X-C: c\r\nX-B: b\r\nSubject")


def test_an_edit_leaves_the_parts() -> None:
    message = mail_of(b"Content-Type: text/html; charset=iso-8859-1\r\n\r\n\xfc")
    message.delete_fields(message.fields)
    message.add_field("Content-Type", "text/plain", last=False)
    assert (message.type, message.text(10), message.content(10)) == ("text/html", "ü", b"\xfc")
    assert message.content(10, decoded=False) == b"\xfc"
    assert named(message, "content-type") == ["text/plain"]


def test_a_header_without_end_is_told_at_once() -> None:
    with pytest.raises(HeaderTooLong):
        mail_of(b"A: " + b"x" * MAX_HEADER + b"\r\n\r\n")


def test_edits_end_where_the_header_gets_too_long() -> None:
    message = mail_of(b"A: " + b"x" * (MAX_HEADER - 1000) + b"\r\n\r\n")
    with pytest.raises(ValueError, match="the header gets too long"):
        message.add_field("X", "word " * 200, last=True)
    message.delete_fields(message.fields)
    message.add_field("X", "word " * 200, last=True)


def test_edits_end_where_they_take_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "MAX_WORK", 100)
    message = mail_of(b"A: 1\r\n" * 20 + b"\r\n")
    with pytest.raises(ValueError, match="too many changes"):
        for number in range(100):
            message.add_field("X", str(number), last=False)
    assert len(message.fields) == 24
