"""Header fields with UTF-8 in them, written in ASCII (RFC 2047, DWN-12)."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsubmit.message.encodedword import in_ascii
from gsubmit.message.fault import CannotConvert
from gsubmit.message.fields import Field, split_header


def field(text: str | bytes) -> Field:
    (only,) = split_header(text if isinstance(text, bytes) else text.encode())
    return only


E_ACUTE = "=?utf-8?B?w6k=?="


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Subject: Café", "Subject: =?utf-8?B?Q2Fmw6k=?=", id="TV-EAI-9"),
        pytest.param("Subject:é", f"Subject: {E_ACUTE}", id="a space before the word"),
        pytest.param("Subject: Re: é again ", f"Subject: Re: {E_ACUTE} again ", id="only the word that needs it"),
        pytest.param("Subject: é a  é z", "Subject: =?utf-8?B?w6kgYSAgw6k=?= z", id="RFC 2047 6.2 spaces between"),
        pytest.param("SUBJECT: a\r\n\té", f"SUBJECT: a\t{E_ACUTE}", id="unfolded"),
        pytest.param("X-Any: é", f"X-Any: {E_ACUTE}", id="RFC 5322 3.6.8 an unknown field is text"),
        pytest.param("Content-Description: é", f"Content-Description: {E_ACUTE}", id="RFC 2045 8"),
        pytest.param("From: é <a@b>", f"From: {E_ACUTE} <a@b>", id="a name"),
        pytest.param('From: "é" <a@b>', f"From: {E_ACUTE} <a@b>", id="RFC 2047 5 (3) no quotes around"),
        pytest.param('From: "é"<a@b>', f"From: {E_ACUTE} <a@b>", id="RFC 2047 5 (3) a space after"),
        pytest.param('From:"\\"é"<a@b>', "From: =?utf-8?B?IsOp?= <a@b>", id="a quoted pair"),
        pytest.param('To: "a, b" <a@b>, é <c@d>', f'To: "a, b" <a@b>, {E_ACUTE} <c@d>', id="a comma in a name"),
        pytest.param("To: a@b, é\r\n <c@d>,e@f", f"To: a@b, {E_ACUTE} <c@d>,e@f", id="only one of many"),
        pytest.param("Cc: é: a@b, c <d@e>;", f"Cc: {E_ACUTE} : a@b, c <d@e>;", id="the name of a group"),
        pytest.param("To: a@b (c), é <d@e>", f"To: a@b (c), {E_ACUTE} <d@e>", id="comments of others"),
        pytest.param("List-Id: é <a.b>", f"List-Id: {E_ACUTE} <a.b>", id="RFC 2919 3"),
        pytest.param(
            "Subject: " + "日" * 20,
            "Subject: =?utf-8?B?" + "5pel" * 13 + "?=\r\n =?utf-8?B?" + "5pel" * 7 + "?=",
            id="RFC 2047 2 at most 75 characters, 76 in a line",
        ),
        pytest.param(
            "Subject: a" + "é" * 25,
            "Subject: =?utf-8?B?YcOp" + "w6nDqcOp" * 6 + "?=\r\n =?utf-8?B?" + "w6nDqcOp" * 2 + "?=",
            id="RFC 2047 5 no character is cut",
        ),
        pytest.param(b"Subject: Caf\xe9 au lait", "Subject: =?unknown-8bit?Q?Caf=E9?= au lait", id="RFC 1428 Latin-1"),
        pytest.param(b"Subject: \xed\xa0\x80", "Subject: =?unknown-8bit?Q?=ED=A0=80?=", id="a surrogate is no UTF-8"),
        pytest.param(b"To: J\xf6rg X. <a@b>", "To: =?unknown-8bit?Q?J=F6rg_X=2E?= <a@b>", id="RFC 1428 a name"),
        pytest.param(
            b"Subject: " + b"\xe9" * 20,
            "Subject: =?unknown-8bit?Q?" + "=E9" * 16 + "?=\r\n =?unknown-8bit?Q?" + "=E9" * 4 + "?=",
            id="RFC 1428 at most 75 characters",
        ),
        pytest.param("Subject: =?x?q?a?= é", "Subject: =?x?q?a?= =?utf-8?B?IMOp?=", id="RFC 2047 6.2 after a word"),
        pytest.param(
            "Subject: é =?x?q?a?= b", "Subject: =?utf-8?B?w6kg?= =?x?q?a?= b", id="RFC 2047 6.2 before a word"
        ),
        pytest.param(
            "Subject: =?x?q?a?= é  =?x?b?YQ==?=",
            "Subject: =?x?q?a?= =?utf-8?B?IMOpICA=?= =?x?b?YQ==?=",
            id="RFC 2047 6.2 between words",
        ),
        pytest.param("Subject: =?x?q?a?= b é", f"Subject: =?x?q?a?= b {E_ACUTE}", id="a plain word between"),
        pytest.param("Subject: é =?x?q?a?= =?x?q?b?=", "Subject: =?utf-8?B?w6kg?= =?x?q?a?= =?x?q?b?=", id="two words"),
        pytest.param("Subject: =?x?q?a?=é", f"Subject: =?x?q?a?= {E_ACUTE}", id="nothing between"),
        pytest.param("Subject: é =? x ?=", f"Subject: {E_ACUTE} =? x ?=", id="what is no encoded-word"),
        pytest.param("To: =?x?q?a?= é <a@b>", "To: =?x?q?a?= =?utf-8?B?IMOp?= <a@b>", id="a name half encoded already"),
        pytest.param("To: =?x?q?a?= <a@b>, é <c@d>", f"To: =?x?q?a?= <a@b>, {E_ACUTE} <c@d>", id="names of two kinds"),
        pytest.param("To: a@b (é)", f"To: a@b ({E_ACUTE})", id="RFC 2047 5 (2) a comment"),
        pytest.param("To: a (é) <b@c>", f"To: a ({E_ACUTE}) <b@c>", id="RFC 2047 5 (2) a comment in a name"),
        pytest.param("To: a@b (\\(é)", "To: a@b (=?utf-8?B?KMOp?=)", id="a quoted pair in a comment"),
        pytest.param(
            b"Date: 1 Jan 2024 (Fran\xe7ais)", "Date: 1 Jan 2024 (=?unknown-8bit?Q?Fran=E7ais?=)", id="a date"
        ),
        pytest.param("Message-ID: <(@b> (é)", f"Message-ID: <(@b> ({E_ACUTE})", id="a comment and none"),
        pytest.param("Keywords: a, é b,c", "Keywords: a, =?utf-8?B?w6kgYg==?=,c", id="RFC 5322 3.6.5 phrases"),
    ],
)
def test_in_ascii(text: str | bytes, expected: str) -> None:
    assert in_ascii(field(text)) == expected.encode() + b"\r\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("To: é@b", "an address", id="EAI-15 a local part"),
        pytest.param("To: <é@b>", "an address", id="EAI-15 a local part in brackets"),
        pytest.param("To: a@é", "an address", id="a domain"),
        pytest.param(b"To: \xe9@b", "an address", id="a local part in another charset"),
        pytest.param("To: é@b <c@d>", "a name", id="an address as a name"),
        pytest.param("To: é (a) <b@c>", "a name", id="a comment in a name that must change"),
        pytest.param("To: é", "an address", id="a name without an address"),
        pytest.param('To: "é', "malformed", id="a quote without end"),
        pytest.param("To: (é", "malformed", id="a comment without end"),
        pytest.param("To: ((é) <a@b>", "malformed", id="a comment in a comment"),
        pytest.param("To: é <a@b", "malformed", id="a bracket without end"),
        pytest.param("To: é> <a@b>", "malformed", id="a bracket without start"),
        pytest.param('To: "=?x?q?a?= é" <a@b>', "within quotes", id="readers differ about that"),
        pytest.param("Message-ID: <é@b>", "nothing may be encoded", id="DWN-12 a structured field"),
        pytest.param("Date: é", "nothing may be encoded", id="a date that is none"),
        pytest.param("DKIM-Signature: é", "nothing may be encoded", id="a signature"),
        pytest.param("List-Post: é", "nothing may be encoded", id="a URL"),
        pytest.param("Résent: é", "nothing may be encoded", id="EAI-17 a field name"),
        pytest.param("é", "nothing may be encoded", id="no field"),
        pytest.param(" é: a", "nothing may be encoded", id="a folded line first"),
    ],
)
def test_cannot(text: str | bytes, reason: str) -> None:
    with pytest.raises(CannotConvert, match=reason):
        in_ascii(field(text))


WORDS = st.lists(st.text(st.sampled_from("aé日😀,.@<>():;\"' "), max_size=30), max_size=8).map(" ".join)


@given(WORDS)
def test_texts_read_back(text: str) -> None:
    """DWN-1: a reader of encoded-words sees what was written, within the lengths of RFC 2047 2."""
    text = "é" + text.strip() + "é"
    octets = in_ascii(field(f"Subject: {text}"))
    assert max(map(len, octets.split(b"\r\n"))) <= 76
    assert message_from_bytes(octets + b"\r\n", policy=policy.SMTP)["Subject"] == text


MIXED = st.lists(st.sampled_from(["é", " ", "a", "=?utf-8?q?b?=", "=?utf-8?b?w6k=?= ", "日", "  "]), max_size=9)


@given(MIXED.map("".join).filter(lambda text: not text.isascii()))
def test_encoded_words_stay_beside_others(text: str) -> None:
    """RFC 2047 6.2: a reader sees what readers that know UTF-8 saw before."""
    octets = in_ascii(field(f"X: {text}"))
    assert seen(octets.decode("ascii").replace("\r\n", "")) == seen(f"X: {text}")


def seen(text: str) -> str:
    """A reader that takes encoded-words wherever they stand."""
    text = re.sub(r"(=\?[^?]+\?.\?[^?]*\?=)[ \t]+(?==\?)", r"\1", text)
    return re.sub(r"=\?[^?]+\?.\?[^?]*\?=", lambda word: str(make_header(decode_header(word[0]))), text).rstrip(" ")


NAMES = st.text(st.sampled_from("aé日😀,.@<>():; "), max_size=60).map(str.strip)


@given(st.lists(NAMES, min_size=1, max_size=3))
def test_names_read_back(names: list[str]) -> None:
    """DWN-12: names change their dress, addresses do not change at all."""
    octets = in_ascii(field("To: " + ", ".join(f'"{name}é" <a@b.c>' for name in names)))
    assert max(map(len, octets.split(b"\r\n"))) <= 76
    value = octets.removeprefix(b"To:").replace(b"\r\n", b"").decode("ascii")
    addresses = [(str(make_header(decode_header(name))), address) for name, address in getaddresses([value])]
    assert addresses == [(f"{name}é", "a@b.c") for name in names]


@pytest.mark.parametrize("name", ["References", "Content-ID", "Keywords", "To"])
@pytest.mark.parametrize("half", ['"', "(", ")", "<", ">", "\\", '\\"', "(\\(", '<"'])
def test_half_a_piece_ends_the_search(name: str, half: str) -> None:
    """One of many halves is looked at: the search for the other half of each would be a walk to the end."""
    with pytest.raises(CannotConvert, match="malformed"):
        in_ascii(field(f"{name}: é, " + half * 99_999))


def test_comment_within_a_comment() -> None:
    text = make_header(decode_header(in_ascii(field("Received: by a (b (é) \\(c)")).decode().partition("(")[2]))
    assert str(text).rstrip().removesuffix(")").rstrip() == "b (é) (c"
